/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "cli_file.h"
#include "cli_webhook.h"

#define CLI_WEBHOOK_CONNECT  5000L      /* milliseconds */
#define CLI_WEBHOOK_TIMEOUT  30000L


struct cli_webhook_s {
    CURL           *curl;
    char           *secret;             /* NULL: nothing is signed */
    size_t          len;
    char            error[CURL_ERROR_SIZE];
};


static cli_rc_t cli_webhook_secret(cli_webhook_t *hook, const char *path);
static cli_rc_t cli_webhook_set(cli_webhook_t *hook, const char *url);
static struct curl_slist *cli_webhook_headers(const cli_webhook_t *hook,
    const char *type, const char *body);
static size_t cli_webhook_ignore(char *data, size_t size, size_t n,
    void *unused);


cli_rc_t
cli_webhook_open(cli_webhook_t **hook, const cli_t *cli)
{
    cli_rc_t        rc;
    const char     *url, *path;
    cli_webhook_t  *h;

    *hook = NULL;

    url = cli_value(cli, CLI_OPT_WEBHOOK);
    path = cli_value(cli, CLI_OPT_SECRET_FILE);

    if (url == NULL) {
        return path ? cli_fail(CLI_USAGE, "--secret-file signs what goes to a "
                               "--webhook, and there is none")
                    : CLI_DONE;
    }

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return cli_fail(CLI_USAGE, "--webhook must begin with https:// or "
                        "http://");
    }

    h = calloc(1, sizeof(cli_webhook_t));

    if (h == NULL) {
        return cli_nomem();
    }

    *hook = h;

    rc = path ? cli_webhook_secret(h, path) : CLI_DONE;

    return rc == CLI_DONE ? cli_webhook_set(h, url) : rc;
}


void
cli_webhook_close(cli_webhook_t *hook)
{
    if (hook == NULL) {
        return;
    }

    if (hook->secret) {
        OPENSSL_cleanse(hook->secret, hook->len);
        free(hook->secret);
    }

    curl_easy_cleanup(hook->curl);
    free(hook);
}


cli_webhook_rc_t
cli_webhook_post(cli_webhook_t *hook, const char *type, const char *body,
    reg_error_t *error)
{
    long                status;
    CURLcode            rc;
    struct curl_slist  *headers;

    status = 0;
    hook->error[0] = '\0';

    headers = cli_webhook_headers(hook, type, body);

    if (headers == NULL) {
        reg_error_set(error, "out of memory");
        return CLI_WEBHOOK_FAILED;
    }

    (void) curl_easy_setopt(hook->curl, CURLOPT_HTTPHEADER, headers);
    (void) curl_easy_setopt(hook->curl, CURLOPT_POSTFIELDS, body);
    (void) curl_easy_setopt(hook->curl, CURLOPT_POSTFIELDSIZE,
                            (long) strlen(body));

    rc = curl_easy_perform(hook->curl);

    if (rc == CURLE_OK) {
        (void) curl_easy_getinfo(hook->curl, CURLINFO_RESPONSE_CODE, &status);
    }

    (void) curl_easy_setopt(hook->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);

    if (rc != CURLE_OK) {
        reg_error_set(error, "the webhook: %s", hook->error[0]
                      ? hook->error : curl_easy_strerror(rc));
        return CLI_WEBHOOK_FAILED;
    }

    if (status >= 200 && status <= 299) {
        return CLI_WEBHOOK_DONE;
    }

    reg_error_set(error, "the webhook answers %ld", status);

    /* 408 and 429 ask for patience */

    return status >= 400 && status <= 499 && status != 408 && status != 429
           ? CLI_WEBHOOK_REFUSED : CLI_WEBHOOK_FAILED;
}


/* A final newline is not meant, as in the other files of secrets. */

static cli_rc_t
cli_webhook_secret(cli_webhook_t *hook, const char *path)
{
    cli_rc_t  rc;

    rc = cli_input_read(path, &hook->secret, &hook->len);

    if (rc != CLI_DONE) {
        return rc;
    }

    while (hook->len && (hook->secret[hook->len - 1] == '\n'
                         || hook->secret[hook->len - 1] == '\r'))
    {
        hook->len--;
    }

    if (hook->len < 16 || hook->len > CLI_WEBHOOK_SECRET_MAX) {
        return cli_fail(CLI_USAGE, "%s: a secret has 16 to %d bytes", path,
                        CLI_WEBHOOK_SECRET_MAX);
    }

    return CLI_DONE;
}


static cli_rc_t
cli_webhook_set(cli_webhook_t *hook, const char *url)
{
    CURL  *curl;
    int    bad;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        return cli_fail(CLI_STORE, "libcurl does not start");
    }

    hook->curl = curl_easy_init();
    curl = hook->curl;

    if (curl == NULL) {
        return cli_nomem();
    }

    bad = curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https")
           != CURLE_OK;
#else
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                            (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS))
           != CURLE_OK;
#endif

    bad |= curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            CLI_WEBHOOK_CONNECT) != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CLI_WEBHOOK_TIMEOUT)
           != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, CLI_NAME "/" CLI_VERSION)
           != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, hook->error)
           != CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, cli_webhook_ignore)
           != CURLE_OK;

    return bad ? cli_fail(CLI_USAGE, "--webhook is no URL that libcurl takes")
               : CLI_DONE;
}


static struct curl_slist *
cli_webhook_headers(const cli_webhook_t *hook, const char *type,
    const char *body)
{
    char                text[256];
    size_t              at;
    unsigned            i, len;
    unsigned char       mac[EVP_MAX_MD_SIZE];
    struct curl_slist  *headers, *more;

    (void) snprintf(text, sizeof(text), "Content-Type: %s", type);

    headers = curl_slist_append(NULL, text);

    if (headers == NULL || hook->secret == NULL) {
        return headers;
    }

    if (HMAC(EVP_sha256(), hook->secret, (int) hook->len,
             (const unsigned char *) body, strlen(body), mac, &len)
        == NULL)
    {
        curl_slist_free_all(headers);
        return NULL;
    }

    at = (size_t) snprintf(text, sizeof(text),
                           "X-Registry-Signature: sha256=");

    for (i = 0; i < len; i++) {
        at += (size_t) snprintf(text + at, sizeof(text) - at, "%02x", mac[i]);
    }

    more = curl_slist_append(headers, text);

    if (more == NULL) {
        curl_slist_free_all(headers);
    }

    return more;
}


static size_t
cli_webhook_ignore(char *data, size_t size, size_t n, void *unused)
{
    (void) data;
    (void) unused;

    return size * n;
}
