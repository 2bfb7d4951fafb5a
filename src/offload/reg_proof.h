/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_PROOF_H
#define REG_PROOF_H

/*
 * What is known of which blob is in which repository, in memory that processes
 * share, any of which may be stopped or killed at any instruction.
 *
 * A proof says that a backend had the blob there, and its size.  There is no
 * proof of the contrary: what is not known has to be asked.
 *
 * No pointers, no lock, no allocator: a fixed array of buckets of slots, one
 * cache line each, with a sequence that is odd while a slot is written and a
 * hash of what was written.  A slot that a dead writer has left is taken over
 * after REG_PROOF_STUCK milliseconds.
 *
 * Beside them stand counters, chosen by repository and digest, that a deletion
 * increments.  A proof is stored with the value that its counter had before the
 * backend was asked, and counts only while that is still the value: so what a
 * backend said before a deletion never proves anything after it.
 */

#include "reg_core.h"

#define REG_PROOF_GENERATIONS  65536
#define REG_PROOF_STUCK        1000              /* ms */
#define REG_PROOF_MIN          (512 * 1024)      /* bytes */
#define REG_PROOF_SECRET_LEN   16

typedef struct reg_proofs_s  reg_proofs_t;


/*
 * Stands for one blob in one repository, as seen from one place: the same
 * name may be another repository behind another backend.
 */

typedef struct {
    uint64_t  lo;
    uint64_t  hi;
    uint32_t  counter;          /* of repository and digest, whatever scope */
} reg_proof_key_t;

typedef struct {
    int64_t   size;             /* bytes; -1: unknown */
    int64_t   asked;            /* ms, monotonic clock */
} reg_proof_t;


/*
 * Makes proofs in the zeroed memory at addr (aligned to 64 bytes), or finds
 * those that are there already and their secret.  NULL if size is below
 * REG_PROOF_MIN or what is there has another layout or size.
 */

reg_proofs_t *reg_proofs_open(void *addr, size_t size,
    const unsigned char secret[REG_PROOF_SECRET_LEN]);


/*
 * scope is where it is seen from.  The texts must not hold a NUL, and are no
 * longer than REG_PROOF_TEXT_MAX together.  REG_OK or REG_INVALID.
 */

#define REG_PROOF_TEXT_MAX  2048

reg_rc_t reg_proofs_key(const reg_proofs_t *proofs, reg_proof_key_t *key,
    reg_str_t scope, reg_str_t repository, reg_str_t digest);


uint32_t reg_proofs_generation(const reg_proofs_t *proofs,
    const reg_proof_key_t *key);


/* Whatever is known of the blob in the repository is so no more. */

void reg_proofs_purge(reg_proofs_t *proofs, const reg_proof_key_t *key);


/* REG_OK with *proof set, however old it is, or REG_NOTFOUND. */

reg_rc_t reg_proofs_get(reg_proofs_t *proofs, const reg_proof_key_t *key,
    int64_t now, reg_proof_t *proof);


/*
 * Stores a proof.  Never waits: where it cannot, it does not.  Of a full bucket
 * the one goes that was longest not asked for.
 */

void reg_proofs_put(reg_proofs_t *proofs, const reg_proof_key_t *key,
    const reg_proof_t *proof, uint32_t generation, int64_t now);

#endif /* REG_PROOF_H */
