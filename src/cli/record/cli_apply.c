/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <openssl/crypto.h>

#include "cli_apply.h"
#include "cli_issuer.h"
#include "cli_output.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_apply_open(cli_apply_t *apply);
static cli_rc_t cli_apply_plan(cli_apply_t *apply);
static cli_rc_t cli_apply_section(cli_apply_t *apply, reg_record_type_t type);
static cli_rc_t cli_apply_record(cli_apply_t *apply, reg_record_type_t type,
    const char *name, json_t *spec);
static cli_rc_t cli_apply_print(const cli_apply_t *apply);
static cli_rc_t cli_apply_print_text(const cli_apply_t *apply);
static cli_rc_t cli_apply_text(const cli_step_t *step, char **text);
static cli_rc_t cli_apply_print_key(const cli_step_t *step);
static cli_rc_t cli_apply_print_json(const cli_apply_t *apply);
static cli_rc_t cli_apply_json(const cli_step_t *step, int first);
static void cli_apply_close(cli_apply_t *apply);


cli_rc_t
cli_apply(cli_t *cli)
{
    cli_rc_t      rc;
    cli_apply_t   apply;

    memset(&apply, 0, sizeof(cli_apply_t));

    apply.cli = cli;
    apply.store.lock = -1;

    rc = cli_apply_read(&apply);

    if (rc == CLI_DONE) {
        rc = cli_pepper_read(cli, &apply.pepper);
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_open(&apply);
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_plan(&apply);
    }

    if (rc == CLI_DONE && !cli_value(cli, CLI_OPT_DRY_RUN)) {
        rc = cli_store_commit(&apply.store);
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_print(&apply);
    }

    cli_apply_close(&apply);

    return rc;
}


cli_rc_t
cli_apply_put(cli_apply_t *apply, reg_record_type_t type, const char *id,
    const char *name, json_t *json, const char *action)
{
    size_t    changes;
    cli_rc_t  rc;

    changes = apply->store.nchanges;

    rc = cli_store_put(&apply->store, type, id ? id : name, json);

    if (rc != CLI_DONE || apply->store.nchanges == changes) {
        return rc;
    }

    return cli_apply_step(apply, action, id, name, NULL);
}


cli_rc_t
cli_apply_step(cli_apply_t *apply, const char *action, const char *id,
    const char *name, const cli_new_key_t *key)
{
    size_t         size;
    cli_step_t    *step;
    cli_change_t  *change;

    if (apply->nsteps == apply->size) {
        size = apply->size ? 2 * apply->size : 16;
        step = realloc(apply->steps, size * sizeof(cli_step_t));

        if (step == NULL) {
            return cli_nomem();
        }

        apply->steps = step;
        apply->size = size;
    }

    change = &apply->store.changes[apply->store.nchanges - 1];
    step = &apply->steps[apply->nsteps];

    memset(step, 0, sizeof(cli_step_t));

    step->action = action ? action : change->action;
    step->type = change->type;
    step->name = strdup(name);
    step->members = json_incref(change->members);

    apply->nsteps++;

    if (id) {
        (void) snprintf(step->id, sizeof(step->id), "%s", id);
    }

    if (key) {
        step->key = malloc(sizeof(cli_new_key_t));

        if (step->key) {
            *step->key = *key;
        }
    }

    return step->name && (step->key || !key) ? CLI_DONE : cli_nomem();
}


static cli_rc_t
cli_apply_open(cli_apply_t *apply)
{
    cli_rc_t  rc;

    if (!cli_value(apply->cli, CLI_OPT_DRY_RUN)) {
        return cli_store_open(&apply->store, apply->cli,
                              CLI_STORE_WRITE | CLI_STORE_CREATE);
    }

    rc = cli_store_open(&apply->store, apply->cli, CLI_STORE_CREATE);

    return rc == CLI_DONE ? cli_document_verify(&apply->store.doc, CLI_STORE)
                          : rc;
}


/* Issuers and keys come last: they need tenants and roles. */

static cli_rc_t
cli_apply_plan(cli_apply_t *apply)
{
    size_t    i;
    cli_rc_t  rc;

    static const reg_record_type_t  types[] = {
        REG_RECORD_TENANT, REG_RECORD_ROLE, REG_RECORD_REPOSITORY,
        REG_RECORD_BUDGET, REG_RECORD_ISSUER, REG_RECORD_KEY
    };

    rc = cli_apply_names(apply);

    for (i = 0; rc == CLI_DONE && i < sizeof(types) / sizeof(types[0]); i++) {
        rc = cli_apply_section(apply, types[i]);
    }

    if (rc == CLI_DONE && cli_value(apply->cli, CLI_OPT_PRUNE)) {
        rc = cli_apply_prune(apply);
    }

    return rc;
}


static cli_rc_t
cli_apply_section(cli_apply_t *apply, reg_record_type_t type)
{
    json_t      *section, *spec;
    cli_rc_t     rc;
    const char  *name;

    section = json_object_get(apply->file, reg_record_section(type));

    json_object_foreach(section, name, spec) {

        rc = type == REG_RECORD_KEY
             ? cli_apply_key(apply, name, spec)
             : cli_apply_record(apply, type, name, spec);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/* Anything but a key: as a key, it keeps the members that are not named. */

static cli_rc_t
cli_apply_record(cli_apply_t *apply, reg_record_type_t type, const char *name,
    json_t *spec)
{
    json_t        *json, *value;
    cli_rc_t       rc;
    const char    *member;
    cli_entry_t   *entry;
    reg_record_t  *record;

    record = NULL;
    entry = cli_document_find(&apply->store.doc, type, reg_str(name));

    if (entry) {
        rc = cli_document_current(&apply->store.doc, entry, &record);

        if (rc != CLI_DONE) {
            return rc;
        }

        json = json_incref(record->json);

    } else {
        json = json_pack("{s:i,s:s}", "version", REG_RECORD_VERSION,
                         type == REG_RECORD_REPOSITORY ? "pattern" : "name",
                         name);
    }

    rc = json ? CLI_DONE : cli_nomem();

    json_object_foreach(spec, member, value) {

        if (json_is_null(value)) {
            (void) json_object_del(json, member);

        } else if (rc == CLI_DONE) {
            rc = cli_json_set(json, member, json_incref(value));
        }
    }

    if (rc == CLI_DONE) {
        rc = cli_apply_put(apply, type, NULL, name, json, NULL);
    }

    if (rc == CLI_DONE && type == REG_RECORD_ISSUER) {
        rc = cli_issuer_check(&apply->store, name);
    }

    json_decref(json);
    reg_record_free(record);

    return rc;
}


static cli_rc_t
cli_apply_print(const cli_apply_t *apply)
{
    if (apply->cli->json) {
        return cli_apply_print_json(apply);
    }

    if (apply->nsteps == 0) {
        cli_note("nothing to do");
        return CLI_DONE;
    }

    return cli_apply_print_text(apply);
}


/* A plan is the answer, on standard output; otherwise the new keys are. */

static cli_rc_t
cli_apply_print_text(const cli_apply_t *apply)
{
    char        *text;
    size_t       i;
    cli_rc_t     rc;
    cli_step_t  *step;

    for (i = 0; i < apply->nsteps; i++) {
        step = &apply->steps[i];

        rc = cli_apply_text(step, &text);

        if (rc == CLI_DONE && cli_value(apply->cli, CLI_OPT_DRY_RUN)) {
            cli_print_text(stdout, text);
            (void) putchar('\n');

        } else if (rc == CLI_DONE) {
            cli_note("%s", text);
            rc = step->key ? cli_apply_print_key(step) : CLI_DONE;
        }

        free(text);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/* "change key acme/ci (a1B2c3D4e5F6): roles, expires_at" */

static cli_rc_t
cli_apply_text(const cli_step_t *step, char **text)
{
    int      change, failed;
    FILE    *file;
    size_t   i, len;
    json_t  *member;

    *text = NULL;

    file = open_memstream(text, &len);
    if (file == NULL) {
        return cli_nomem();
    }

    (void) fprintf(file, "%s %s %s", step->action,
                   reg_record_type_name(step->type), step->name);

    /* a key that is only planned has no id yet */

    if (step->id[0] && step->key == NULL) {
        (void) fprintf(file, " (%s)", step->id);
    }

    change = (strcmp(step->action, "change") == 0);

    for (i = 0; change && i < json_array_size(step->members); i++) {
        member = json_array_get(step->members, i);
        (void) fprintf(file, "%s%s", i ? ", " : ": ",
                       json_string_value(member));
    }

    failed = ferror(file);

    return fclose(file) == 0 && !failed && *text ? CLI_DONE : cli_nomem();
}


static cli_rc_t
cli_apply_print_key(const cli_step_t *step)
{
    int        len;
    char      *text;
    size_t     size;
    cli_rc_t   rc;

    size = strlen(step->name) + REG_API_KEY_LEN + sizeof("\t\n");
    text = malloc(size);

    if (text == NULL) {
        return cli_nomem();
    }

    len = snprintf(text, size, "%s\t%.*s\n", step->name, (int) REG_API_KEY_LEN,
                   (const char *) step->key->text);

    rc = cli_secret_write(text, (size_t) len);

    OPENSSL_cleanse(text, size);
    free(text);

    if (rc != CLI_DONE) {
        cli_note("nobody has seen key %s of %s, and those after it: revoke "
                 "them and apply again", step->key->id, step->name);
    }

    return rc;
}


static cli_rc_t
cli_apply_print_json(const cli_apply_t *apply)
{
    size_t       i;
    cli_rc_t     rc;
    cli_step_t   step;

    rc = apply->nsteps ? CLI_DONE : cli_secret_write("[", 1);

    for (i = 0; rc == CLI_DONE && i < apply->nsteps; i++) {
        step = apply->steps[i];

        if (cli_value(apply->cli, CLI_OPT_DRY_RUN) && step.key) {
            step.key = NULL;
            step.id[0] = '\0';
        }

        rc = cli_apply_json(&step, i == 0);
    }

    return rc == CLI_DONE ? cli_secret_write("]\n", 2) : rc;
}


static cli_rc_t
cli_apply_json(const cli_step_t *step, int first)
{
    int        len;
    char      *text, *dump;
    size_t     size;
    json_t    *json;
    cli_rc_t   rc;

    json = json_pack("{s:s,s:s,s:s,s:s*,s:O}", "action", step->action,
                     "type", reg_record_type_name(step->type),
                     "name", step->name,
                     "id", step->id[0] ? step->id : NULL,
                     "members", step->members);

    dump = json ? json_dumps(json, 0) : NULL;

    json_decref(json);

    if (dump == NULL) {
        return cli_nomem();
    }

    size = strlen(dump) + REG_API_KEY_LEN + 32;
    text = malloc(size);

    if (text == NULL) {
        free(dump);
        return cli_nomem();
    }

    len = step->key
          ? snprintf(text, size, "%s{\"key\": \"%.*s\", %s",
                     first ? "[" : ",\n ", (int) REG_API_KEY_LEN,
                     (const char *) step->key->text, dump + 1)
          : snprintf(text, size, "%s%s", first ? "[" : ",\n ", dump);

    rc = cli_secret_write(text, (size_t) len);

    OPENSSL_cleanse(text, size);
    free(text);
    free(dump);

    return rc;
}


static void
cli_apply_close(cli_apply_t *apply)
{
    size_t  i;

    for (i = 0; i < apply->nsteps; i++) {
        free(apply->steps[i].name);
        json_decref(apply->steps[i].members);

        if (apply->steps[i].key) {
            OPENSSL_cleanse(apply->steps[i].key, sizeof(cli_new_key_t));
            free(apply->steps[i].key);
        }
    }

    free(apply->steps);

    OPENSSL_cleanse(&apply->pepper, sizeof(cli_pepper_t));

    json_decref(apply->names);
    json_decref(apply->file);

    cli_store_close(&apply->store);
}
