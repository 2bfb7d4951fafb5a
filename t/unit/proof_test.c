/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Proofs: kept, overtaken, evicted, and found whole after any death. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reg_proof.h"
#include "random.h"

#define SIZE  (1024 * 1024)
#define NOW   1000000

#define DIGEST  REG_STR("sha256:abab")

static void           *memory;
static reg_proofs_t   *proofs;

static const unsigned char  secret[REG_PROOF_SECRET_LEN] = "0123456789abcde";


static int
setup(void **state)
{
    (void) state;

    memory = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);

    if (memory == MAP_FAILED) {
        return -1;
    }

    proofs = reg_proofs_open(memory, SIZE, secret);

    return proofs == NULL;
}


static int
teardown(void **state)
{
    (void) state;

    return munmap(memory, SIZE);
}


static reg_proof_key_t
key_of(const char *scope, const char *repository)
{
    reg_proof_key_t  key;

    assert_int_equal(reg_proofs_key(proofs, &key, reg_str(scope),
                                    reg_str(repository), DIGEST),
                     REG_OK);

    return key;
}


static void
put(const reg_proof_key_t *key, int64_t size, int64_t now)
{
    reg_proof_t  proof;

    proof.size = size;
    proof.asked = now;

    reg_proofs_put(proofs, key, &proof, reg_proofs_generation(proofs, key),
                   now);
}


static void
test_one_repository(void **state)
{
    reg_proof_t      proof;
    reg_proof_key_t  key, other, elsewhere;

    (void) state;

    key = key_of("a", "acme/app");
    other = key_of("a", "rival/app");
    elsewhere = key_of("b", "acme/app");

    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_NOTFOUND);

    put(&key, 12345, NOW);

    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_OK);
    assert_int_equal(proof.size, 12345);
    assert_int_equal(proof.asked, NOW);

    /* neither another repository nor another backend */

    assert_int_equal(reg_proofs_get(proofs, &other, NOW, &proof),
                     REG_NOTFOUND);
    assert_int_equal(reg_proofs_get(proofs, &elsewhere, NOW, &proof),
                     REG_NOTFOUND);

    put(&key, -1, NOW + 5);
    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_OK);
    assert_int_equal(proof.size, -1);
    assert_int_equal(proof.asked, NOW + 5);
}


/* The parts of a key cannot be shifted into each other. */

static void
test_keys(void **state)
{
    char              text[REG_PROOF_TEXT_MAX + 1];
    reg_proof_key_t   a, b;

    (void) state;

    assert_int_equal(reg_proofs_key(proofs, &a, REG_STR(""), REG_STR("a"),
                                    REG_STR("bc")), REG_OK);
    assert_int_equal(reg_proofs_key(proofs, &b, REG_STR(""), REG_STR("ab"),
                                    REG_STR("c")), REG_OK);
    assert_true(a.lo != b.lo && a.hi != b.hi);

    assert_int_equal(reg_proofs_key(proofs, &b, REG_STR("x"), REG_STR("a"),
                                    REG_STR("bc")), REG_OK);
    assert_true(a.lo != b.lo);
    assert_int_equal(a.counter, b.counter);

    memset(text, 'a', sizeof(text));
    assert_int_equal(reg_proofs_key(proofs, &a, REG_STR("x"), REG_STR("a"),
                         (reg_str_t) { sizeof(text), (unsigned char *) text }),
                     REG_INVALID);
    assert_int_equal(reg_proofs_key(proofs, &a, REG_STR("x"), REG_STR(""),
                                    DIGEST), REG_INVALID);
}


static void
test_a_deletion_overtakes(void **state)
{
    uint32_t         generation;
    reg_proof_t      proof;
    reg_proof_key_t  key, elsewhere;

    (void) state;

    key = key_of("a", "acme/app");
    elsewhere = key_of("b", "acme/app");

    put(&key, 1, NOW);
    put(&elsewhere, 1, NOW);

    reg_proofs_purge(proofs, &key);

    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_NOTFOUND);
    assert_int_equal(reg_proofs_get(proofs, &elsewhere, NOW, &proof),
                     REG_NOTFOUND);

    /* asked before, answered after */

    generation = reg_proofs_generation(proofs, &key);
    reg_proofs_purge(proofs, &key);

    proof.size = 2;
    proof.asked = NOW;
    reg_proofs_put(proofs, &key, &proof, generation, NOW);

    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_NOTFOUND);

    put(&key, 3, NOW);
    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_OK);
    assert_int_equal(proof.size, 3);
}


/* What is used stays while what is not makes room. */

static void
test_eviction(void **state)
{
    int              i, found;
    char             name[32];
    reg_proof_t      proof;
    reg_proof_key_t  key, dear;

    (void) state;

    dear = key_of("", "dear");
    put(&dear, 7, NOW);

    for (i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        key = key_of("", name);
        put(&key, i, NOW + i + 1);

        assert_int_equal(reg_proofs_get(proofs, &dear, NOW + i + 1, &proof),
                         REG_OK);
        assert_int_equal(reg_proofs_get(proofs, &key, NOW + i + 1, &proof),
                         REG_OK);
        assert_int_equal(proof.size, i);
    }

    /* the rest is what was put last */

    found = 0;

    for (i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        key = key_of("", name);
        found += (reg_proofs_get(proofs, &key, NOW, &proof) == REG_OK);
    }

    assert_true(found > 10000 && found < 13000);
}


static void
test_open(void **state)
{
    reg_proof_t           proof;
    reg_proof_key_t       key;
    static unsigned char  other[REG_PROOF_SECRET_LEN];

    (void) state;

    key = key_of("", "acme/app");
    put(&key, 1, NOW);

    /* a new configuration finds it all, and the old secret */

    assert_ptr_equal(reg_proofs_open(memory, SIZE, other), proofs);
    key = key_of("", "acme/app");
    assert_int_equal(reg_proofs_get(proofs, &key, NOW, &proof), REG_OK);

    assert_null(reg_proofs_open(memory, SIZE - 64, other));
    assert_null(reg_proofs_open((char *) memory + 1, SIZE - 64, other));
    assert_null(reg_proofs_open(memory, REG_PROOF_MIN - 64, other));
}


/* Puts and gets in a process until it is killed; a wrong size is an abort. */

static void
work(unsigned seed)
{
    char             name[32];
    size_t           n;
    int64_t          now;
    reg_proof_t      proof;
    reg_proof_key_t  key;

    random_state ^= seed * 0x9e3779b97f4a7c15;

    for (now = NOW; /* void */; now++) {

        n = random_below(64);
        snprintf(name, sizeof(name), "r%zu", n);

        if (reg_proofs_key(proofs, &key, REG_STR_NULL, reg_str(name), DIGEST)
            != REG_OK)
        {
            abort();
        }

        switch (random_below(8)) {

        case 0:
            reg_proofs_purge(proofs, &key);
            break;

        case 1: case 2: case 3:
            put(&key, (int64_t) n, now);
            break;

        default:
            if (reg_proofs_get(proofs, &key, now, &proof) == REG_OK
                && proof.size != (int64_t) n)
            {
                abort();
            }
        }
    }
}


static void
test_killed_at_any_step(void **state)
{
    int              status;
    char             name[32];
    pid_t            pids[4];
    size_t           i, round;
    int64_t          now;
    reg_proof_t      proof;
    reg_proof_key_t  key;

    (void) state;

    for (round = 0; round < 20; round++) {

        for (i = 0; i < 4; i++) {
            pids[i] = fork();
            assert_int_not_equal(pids[i], -1);

            if (pids[i] == 0) {
                work((unsigned) (round * 4 + i + 1));
            }
        }

        usleep((useconds_t) (1000 + random_below(4000)));

        for (i = 0; i < 4; i++) {
            kill(pids[i], SIGKILL);
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
    }

    /* each place can be had again, at the latest when its claim is stale */

    now = NOW + ((int64_t) 1 << 30);

    for (i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "r%zu", i);
        key = key_of("", name);
        put(&key, (int64_t) i, now);

        assert_int_equal(reg_proofs_get(proofs, &key, now, &proof), REG_OK);
        assert_int_equal(proof.size, i);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_repository, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deletion_overtakes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_eviction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_at_any_step, setup,
                                        teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
