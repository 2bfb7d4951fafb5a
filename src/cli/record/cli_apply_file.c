/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The file of apply:
 *
 *     {"version": 1,
 *      "tenants": {"acme": {"labels": {"owner": "ann"}, "suspended": false}},
 *      "roles": {"deployer": {"scopes": ["repository:{tenant}/app:pull"]}},
 *      "keys": {"acme/ci": {"roles": ["deployer"], "expires_in": "90d"}}}
 */

#include <stdlib.h>

#include "cli_apply.h"
#include "cli_file.h"
#include "cli_value.h"
#include "reg_record_json.h"


static cli_rc_t cli_apply_check(cli_apply_t *apply);
static cli_rc_t cli_apply_check_section(cli_apply_t *apply,
    reg_record_type_t type, json_t *section);
static cli_rc_t cli_apply_check_key(cli_apply_t *apply, const char *name,
    json_t *spec);
static int cli_apply_known(const char *const *names, const char *name);


static const char  *cli_apply_tenant_members[] = {
    "labels", "limits", "bandwidth", "downloads", "suspended", NULL
};

static const char  *cli_apply_role_members[] = { "scopes", NULL };

static const char  *cli_apply_key_members[] = {
    "roles", "scopes", "allow_from", "not_before", "expires_at", "expires_in",
    "limits", NULL
};

static const char  *cli_apply_repository_members[] = {
    "owner", "labels", NULL
};

static const char  *cli_apply_budget_members[] = {
    "amount", "alerts", NULL
};

static const char  *cli_apply_issuer_members[] = {
    "issuer", "audience", "rules", NULL
};

static const char *const  *cli_apply_members[REG_RECORD_TYPES] = {
    [REG_RECORD_KEY] = cli_apply_key_members,
    [REG_RECORD_TENANT] = cli_apply_tenant_members,
    [REG_RECORD_ROLE] = cli_apply_role_members,
    [REG_RECORD_REPOSITORY] = cli_apply_repository_members,
    [REG_RECORD_BUDGET] = cli_apply_budget_members,
    [REG_RECORD_ISSUER] = cli_apply_issuer_members
};


cli_rc_t
cli_apply_read(cli_apply_t *apply)
{
    char          *data;
    size_t         len;
    cli_rc_t       rc;
    json_error_t   error;

    apply->path = cli_value(apply->cli, CLI_OPT_FILE);

    rc = cli_input_read(apply->path, &data, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    apply->file = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

    free(data);

    if (apply->file == NULL) {
        return cli_fail(CLI_USAGE, "%s: line %d: %s", apply->path, error.line,
                        error.text);
    }

    return cli_apply_check(apply);
}


static cli_rc_t
cli_apply_check(cli_apply_t *apply)
{
    json_t      *value;
    unsigned     type;
    cli_rc_t     rc;
    const char  *name;

    if (!json_is_object(apply->file)) {
        return cli_fail(CLI_USAGE, "%s: the file is an object", apply->path);
    }

    value = json_object_get(apply->file, "version");

    if (!json_is_integer(value)
        || json_integer_value(value) != CLI_APPLY_VERSION)
    {
        return cli_fail(CLI_USAGE, "%s: \"version\" must be %d", apply->path,
                        CLI_APPLY_VERSION);
    }

    json_object_foreach(apply->file, name, value) {

        if (strcmp(name, "version") == 0) {
            continue;
        }

        for (type = 0; type < REG_RECORD_TYPES; type++) {

            if (strcmp(name, reg_record_section((reg_record_type_t) type))
                == 0)
            {
                break;
            }
        }

        if (type == REG_RECORD_TYPES) {
            return cli_fail(CLI_USAGE, "%s: unknown member \"%.64s\"",
                            apply->path, name);
        }

        rc = cli_apply_check_section(apply, (reg_record_type_t) type, value);

        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


static cli_rc_t
cli_apply_check_section(cli_apply_t *apply, reg_record_type_t type,
    json_t *section)
{
    json_t      *spec, *value;
    cli_rc_t     rc;
    const char  *name, *member;

    if (!json_is_object(section)) {
        return cli_fail(CLI_USAGE, "%s: \"%s\" must be an object",
                        apply->path, reg_record_section(type));
    }

    json_object_foreach(section, name, spec) {

        if (!json_is_object(spec)) {
            return cli_fail(CLI_USAGE, "%s: %s \"%.128s\" must be an object",
                            apply->path, reg_record_type_name(type), name);
        }

        json_object_foreach(spec, member, value) {

            if (!cli_apply_known(cli_apply_members[type], member)) {
                return cli_fail(CLI_USAGE, "%s: %s \"%.128s\": unknown member "
                                "\"%.64s\"", apply->path,
                                reg_record_type_name(type), name, member);
            }
        }

        rc = type == REG_RECORD_KEY ? cli_apply_check_key(apply, name, spec)
                                    : CLI_DONE;
        if (rc != CLI_DONE) {
            return rc;
        }
    }

    return CLI_DONE;
}


/* What a record does not have, and so does not check. */

static cli_rc_t
cli_apply_check_key(cli_apply_t *apply, const char *name, json_t *spec)
{
    json_t       *value;
    int64_t       duration;
    const char   *slash, *text;
    reg_error_t   error;

    slash = strchr(name, '/');

    if (slash == NULL || slash == name || slash[1] == '\0') {
        return cli_fail(CLI_USAGE, "%s: key \"%.128s\" must be called "
                        "\"TENANT/NAME\"", apply->path, name);
    }

    value = json_object_get(spec, "expires_in");

    if (value == NULL || json_is_null(value)) {
        return CLI_DONE;
    }

    if (json_is_string(json_object_get(spec, "expires_at"))) {
        return cli_fail(CLI_USAGE, "%s: key \"%.128s\": expires_in and "
                        "expires_at contradict each other", apply->path, name);
    }

    text = json_string_value(value);

    if (text == NULL) {
        return cli_fail(CLI_USAGE, "%s: key \"%.128s\": expires_in must be a "
                        "string", apply->path, name);
    }

    if (reg_duration_parse(&duration, reg_str(text), &error) != REG_OK) {
        return cli_fail(CLI_USAGE, "%s: key \"%.128s\": expires_in: %s",
                        apply->path, name, error.text);
    }

    return CLI_DONE;
}


static int
cli_apply_known(const char *const *names, const char *name)
{
    for ( /* void */ ; *names; names++) {

        if (strcmp(*names, name) == 0) {
            return 1;
        }
    }

    return 0;
}
