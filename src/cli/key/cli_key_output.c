/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A new key, printed once: alone, in a docker config.json, in a Kubernetes
 * Secret, or in its record.  The secret passes through memory that is wiped, so
 * JSON around it is put together by hand, of parts that need no escapes.
 */

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "cli_key.h"
#include "cli_value.h"
#include "reg_record_json.h"


#define CLI_REGISTRY_MAX   261      /* bytes: a host name, ':' and a port */
#define CLI_K8S_NAME_MAX   253      /* RFC 1123 subdomain */

#define CLI_BASE64(n)      (4 * (((n) + 2) / 3))

#define CLI_USER_MAX       (REG_NAME_MAX + 1 + REG_API_KEY_LEN)
#define CLI_DOCKER_MAX     (CLI_REGISTRY_MAX + CLI_BASE64(CLI_USER_MAX) + 64)
#define CLI_K8S_MAX        (CLI_K8S_NAME_MAX + CLI_BASE64(CLI_DOCKER_MAX)     \
                            + 256)


typedef enum {
    CLI_OUTPUT_KEY = 0,
    CLI_OUTPUT_DOCKER,
    CLI_OUTPUT_K8S,
    CLI_OUTPUT_JSON,
    CLI_OUTPUTS
} cli_output_t;


static cli_output_t cli_key_output_kind(const cli_t *cli);
static int cli_registry_check(const char *host);
static size_t cli_key_docker(char *buf, const cli_t *cli,
    const reg_key_record_t *record, const cli_new_key_t *key);
static size_t cli_key_k8s(char *buf, const cli_t *cli,
    const reg_key_record_t *record, const cli_new_key_t *key);
static void cli_k8s_name(char *buf, const reg_key_record_t *record);
static cli_rc_t cli_key_json(const cli_store_t *store,
    const reg_record_t *record, const cli_new_key_t *key);
static cli_rc_t cli_key_print(const cli_store_t *store,
    const reg_record_t *record, const cli_new_key_t *key);


static const char  *cli_outputs[] = { "key", "docker", "k8s", "json", NULL };


cli_rc_t
cli_key_output_check(const cli_t *cli)
{
    const char    *host;
    cli_output_t   kind;

    kind = cli_key_output_kind(cli);
    host = cli_value(cli, CLI_OPT_REGISTRY);

    if (kind == CLI_OUTPUTS) {
        return cli_fail(CLI_USAGE, "--output is key, docker, k8s or json");
    }

    if (kind != CLI_OUTPUT_DOCKER && kind != CLI_OUTPUT_K8S) {
        return host ? cli_fail(CLI_USAGE, "--registry goes with --output "
                               "docker or k8s")
                    : CLI_DONE;
    }

    if (host == NULL) {
        return cli_fail(CLI_USAGE, "--output %s needs --registry, the host "
                        "that clients pull from", cli_outputs[kind]);
    }

    if (!cli_registry_check(host)) {
        return cli_fail(CLI_USAGE, "--registry is a host name, with :PORT "
                        "where it has one");
    }

    return CLI_DONE;
}


cli_rc_t
cli_key_output(const cli_store_t *store, const cli_new_key_t *key)
{
    cli_rc_t       rc;
    cli_entry_t   *entry;
    reg_record_t  *record;

    entry = cli_document_find(&store->doc, REG_RECORD_KEY, reg_str(key->id));

    rc = cli_document_record(&store->doc, entry, &record);

    if (rc == CLI_DONE) {
        rc = cli_key_print(store, record, key);
        reg_record_free(record);
    }

    if (rc != CLI_DONE) {
        cli_note("nobody has seen key %s: revoke it and make another",
                 key->id);
    }

    return rc;
}


static cli_rc_t
cli_key_print(const cli_store_t *store, const reg_record_t *record,
    const cli_new_key_t *key)
{
    char      buf[CLI_K8S_MAX];
    size_t    len;
    cli_rc_t  rc;

    switch (cli_key_output_kind(store->cli)) {

    case CLI_OUTPUT_DOCKER:
        len = cli_key_docker(buf, store->cli, &record->u.key, key);
        break;

    case CLI_OUTPUT_K8S:
        len = cli_key_k8s(buf, store->cli, &record->u.key, key);
        break;

    case CLI_OUTPUT_JSON:
        return cli_key_json(store, record, key);

    default:
        memcpy(buf, key->text, REG_API_KEY_LEN);
        len = REG_API_KEY_LEN;
        break;
    }

    buf[len++] = '\n';

    rc = cli_secret_write(buf, len);

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static cli_output_t
cli_key_output_kind(const cli_t *cli)
{
    unsigned     kind;
    const char  *name;

    name = cli_value(cli, CLI_OPT_OUTPUT);

    if (name == NULL) {
        return cli->json ? CLI_OUTPUT_JSON : CLI_OUTPUT_KEY;
    }

    for (kind = 0; cli_outputs[kind]; kind++) {

        if (strcmp(name, cli_outputs[kind]) == 0) {
            break;
        }
    }

    return (cli_output_t) kind;
}


static int
cli_registry_check(const char *host)
{
    size_t  len;

    len = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                 "0123456789.-:[]");

    return len > 0 && len <= CLI_REGISTRY_MAX && host[len] == '\0';
}


/* Any user name will do for the gateway; the tenant's reads well in logs. */

static size_t
cli_key_docker(char *buf, const cli_t *cli, const reg_key_record_t *record,
    const cli_new_key_t *key)
{
    int   len;
    char  user[CLI_USER_MAX + 1], auth[CLI_BASE64(CLI_USER_MAX) + 1];

    len = snprintf(user, sizeof(user), "%.*s:%.*s", REG_FMT(record->tenant),
                   (int) REG_API_KEY_LEN, (const char *) key->text);

    (void) EVP_EncodeBlock((unsigned char *) auth, (unsigned char *) user,
                           len);

    len = snprintf(buf, CLI_DOCKER_MAX, "{\"auths\":{\"%s\":{\"auth\":\"%s\"}}"
                   "}", cli_value(cli, CLI_OPT_REGISTRY), auth);

    OPENSSL_cleanse(user, sizeof(user));
    OPENSSL_cleanse(auth, sizeof(auth));

    return (size_t) len;
}


static size_t
cli_key_k8s(char *buf, const cli_t *cli, const reg_key_record_t *record,
    const cli_new_key_t *key)
{
    int     n;
    char    docker[CLI_DOCKER_MAX], data[CLI_BASE64(CLI_DOCKER_MAX) + 1];
    char    name[CLI_K8S_NAME_MAX + 1];
    size_t  len;

    len = cli_key_docker(docker, cli, record, key);

    (void) EVP_EncodeBlock((unsigned char *) data, (unsigned char *) docker,
                           (int) len);

    cli_k8s_name(name, record);

    n = snprintf(buf, CLI_K8S_MAX, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
                 "\"metadata\":{\"name\":\"%s\"},"
                 "\"type\":\"kubernetes.io/dockerconfigjson\","
                 "\"data\":{\".dockerconfigjson\":\"%s\"}}", name, data);

    OPENSSL_cleanse(docker, sizeof(docker));
    OPENSSL_cleanse(data, sizeof(data));

    return (size_t) n;
}


/* The key's name where Kubernetes takes it, else one made of its id. */

static void
cli_k8s_name(char *buf, const reg_key_record_t *record)
{
    char    c, last;
    size_t  i;

    last = '.';

    for (i = 0; i < record->name.len && i < CLI_K8S_NAME_MAX; i++) {
        c = (char) record->name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (c == '-' && last != '.')
              || (c == '.' && last != '.' && last != '-')))
        {
            break;
        }

        buf[i] = last = c;
    }

    if (i && i == record->name.len && last != '.' && last != '-') {
        buf[i] = '\0';
        return;
    }

    (void) snprintf(buf, CLI_K8S_NAME_MAX + 1, "registry-key-%.*s",
                    REG_FMT(record->id));

    for (i = 0; buf[i]; i++) {
        buf[i] = (buf[i] >= 'A' && buf[i] <= 'Z') ? (char) (buf[i] | 0x20)
                                                  : buf[i];
    }
}


/* The record without its hash, and the key as its first member. */

static cli_rc_t
cli_key_json(const cli_store_t *store, const reg_record_t *record,
    const cli_new_key_t *key)
{
    int        len;
    char      *text, *view;
    size_t     size;
    json_t    *json;
    cli_rc_t   rc;

    json = cli_key_view(store, record);
    view = json ? json_dumps(json, 0) : NULL;

    json_decref(json);

    if (view == NULL) {
        return cli_nomem();
    }

    size = strlen(view) + REG_API_KEY_LEN + 16;
    text = malloc(size);

    if (text == NULL) {
        free(view);
        return cli_nomem();
    }

    len = snprintf(text, size, "{\"key\": \"%.*s\", %s\n",
                   (int) REG_API_KEY_LEN, (const char *) key->text, view + 1);

    rc = cli_secret_write(text, (size_t) len);

    OPENSSL_cleanse(text, size);
    free(text);
    free(view);

    return rc;
}
