/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_upstream.h"


static int reg_upstream_keeps(reg_str_t pair);
static reg_rc_t reg_upstream_scope(reg_str_t scope, reg_str_t repository,
    reg_error_t *error);
static int reg_upstream_lists(const reg_upstream_t *upstream,
    const reg_url_t *url);
static int reg_upstream_same_host(reg_str_t host, const reg_url_t *url);
static int reg_upstream_secure(reg_str_t url);
static reg_str_t reg_upstream_port(reg_str_t authority, int secure);
static reg_rc_t reg_upstream_full(const reg_text_t *text, reg_error_t *error);


reg_rc_t
reg_upstream_repository(const reg_upstream_t *upstream, reg_str_t name,
    reg_text_t *repository)
{
    size_t  cut;

    if (name.len == 0) {
        return REG_NOTFOUND;
    }

    if (upstream->prefix.len) {

        cut = upstream->prefix.len + 1;

        if (name.len <= cut || !reg_str_starts(name, upstream->prefix)
            || name.data[cut - 1] != '/')
        {
            return REG_NOTFOUND;
        }

        name.data += cut;
        name.len -= cut;
    }

    if (upstream->library && memchr(name.data, '/', name.len) == NULL) {
        reg_text_add(repository, REG_STR("library/"));
    }

    reg_text_add(repository, name);

    return reg_upstream_full(repository, NULL);
}


reg_rc_t
reg_upstream_request(const reg_upstream_t *upstream,
    const reg_route_t *route, reg_str_t repository, reg_str_t args,
    reg_text_t *url)
{
    size_t         n;
    reg_str_t      pair;
    unsigned char  separator;

    reg_text_add(url, upstream->url);
    reg_text_add(url, REG_STR("/v2/"));
    reg_text_add(url, repository);

    switch (route->resource) {

    case REG_RESOURCE_TAGS:
        reg_text_add(url, REG_STR("/tags/list"));
        break;

    case REG_RESOURCE_MANIFEST:
        reg_text_add(url, REG_STR("/manifests/"));
        break;

    case REG_RESOURCE_BLOB:
        reg_text_add(url, REG_STR("/blobs/"));
        break;

    case REG_RESOURCE_REFERRERS:
        reg_text_add(url, REG_STR("/referrers/"));
        break;

    default:
        return REG_INVALID;
    }

    /* one spelling of a digest, whatever the client's was */

    if (route->digest.encoded.len) {
        reg_text_add(url, route->digest.algorithm);
        reg_text_byte(url, ':');
        reg_text_add(url, route->digest.encoded);

    } else {
        reg_text_add(url, route->reference);
    }

    separator = '?';

    while (args.len) {

        for (n = 0; n < args.len && args.data[n] != '&'; n++) { /* void */ }

        pair = (reg_str_t) { n, args.data };

        if (reg_upstream_keeps(pair)) {
            reg_text_byte(url, separator);
            reg_text_add(url, pair);
            separator = '&';
        }

        n += (n < args.len);
        args.data += n;
        args.len -= n;
    }

    return reg_upstream_full(url, NULL);
}


static int
reg_upstream_keeps(reg_str_t pair)
{
    return reg_str_starts(pair, REG_STR("n="))
           || reg_str_starts(pair, REG_STR("last="))
           || reg_str_starts(pair, REG_STR("artifactType="));
}


reg_rc_t
reg_upstream_question(const reg_upstream_t *upstream,
    const reg_challenge_t *challenge, reg_str_t repository, reg_text_t *url,
    reg_error_t *error)
{
    if (upstream->realm.len == 0) {
        reg_error_set(error, "it wants a token, and no realm is configured");
        return REG_INVALID;
    }

    if (!reg_str_eq(challenge->realm, upstream->realm)) {
        reg_error_set(error, "it names the realm \"%.*s\", which is not the "
                      "one that is configured", REG_FMT(challenge->realm));
        return REG_INVALID;
    }

    if (reg_upstream_scope(challenge->scope, repository, error) != REG_OK) {
        return REG_INVALID;
    }

    reg_text_add(url, upstream->realm);
    reg_text_byte(url, '?');

    if (challenge->service.len) {
        reg_text_add(url, REG_STR("service="));
        reg_text_escape(url, challenge->service, "");
        reg_text_byte(url, '&');
    }

    reg_text_add(url, REG_STR("scope="));

    if (challenge->scope.len
        && !reg_str_starts(challenge->scope, REG_STR("repository:")))
    {
        reg_text_escape(url, challenge->scope, ":/,");

    } else {

        /* never more than is needed, whatever it asks for */

        reg_text_add(url, REG_STR("repository:"));
        reg_text_add(url, repository);
        reg_text_add(url, REG_STR(":pull"));
    }

    return reg_upstream_full(url, error);
}


/* A token for one repository is not had by a request for another one. */

static reg_rc_t
reg_upstream_scope(reg_str_t scope, reg_str_t repository, reg_error_t *error)
{
    reg_str_t  name;

    if (scope.len && memchr(scope.data, ' ', scope.len)) {
        reg_error_set(error, "it wants several scopes, \"%.*s\"",
                      REG_FMT(scope));
        return REG_INVALID;
    }

    /* "repository(plugin):..." is one, too */

    if (!reg_str_starts(scope, REG_STR("repository"))) {
        return REG_OK;
    }

    name = REG_STR_NULL;

    if (reg_str_starts(scope, REG_STR("repository:"))) {
        name.data = scope.data + sizeof("repository:") - 1;
        name.len = scope.len - (sizeof("repository:") - 1);
    }

    if (!reg_str_starts(name, repository) || name.len == repository.len
        || name.data[repository.len] != ':')
    {
        reg_error_set(error, "it wants the scope \"%.*s\" for the repository "
                      "\"%.*s\"", REG_FMT(scope), REG_FMT(repository));
        return REG_INVALID;
    }

    return REG_OK;
}


reg_rc_t
reg_upstream_follow(const reg_upstream_t *upstream, reg_str_t from,
    reg_str_t location, reg_text_t *url, reg_error_t *error)
{
    reg_url_t  base, target;

    if (reg_url_check_location(location, error) != REG_OK) {
        return REG_INVALID;
    }

    if (location.data[0] == '/') {

        /* on the host that it came from, which we were allowed to ask */

        if (reg_url_parse(&base, from, error) != REG_OK) {
            return REG_INVALID;
        }

        reg_text_add(url, base.scheme);
        reg_text_add(url, REG_STR("://"));
        reg_text_add(url, base.authority);
        reg_text_add(url, location);

        return reg_upstream_full(url, error);
    }

    if (reg_url_parse(&target, location, error) != REG_OK) {
        return REG_INVALID;
    }

    if (reg_upstream_secure(upstream->url)
        && !reg_upstream_secure(target.scheme))
    {
        reg_error_set(error, "it leads from https to http");
        return REG_INVALID;
    }

    if (!reg_upstream_lists(upstream, &target)) {
        reg_error_set(error, "the host \"%.*s\" is not listed by \"follow\"",
                      REG_FMT(target.authority));
        return REG_INVALID;
    }

    reg_text_add(url, location);

    return reg_upstream_full(url, error);
}


static int
reg_upstream_lists(const reg_upstream_t *upstream, const reg_url_t *url)
{
    size_t  i;

    for (i = 0; i < upstream->nhosts; i++) {
        if (reg_upstream_same_host(upstream->hosts[i], url)) {
            return 1;
        }
    }

    return 0;
}


/* A host without a port is meant with that of the scheme. */

static int
reg_upstream_same_host(reg_str_t host, const reg_url_t *url)
{
    int        secure;
    reg_str_t  a, b, port;

    secure = reg_upstream_secure(url->scheme);

    a = reg_upstream_port(host, secure);
    b = reg_upstream_port(url->authority, secure);

    if (!reg_str_eq(a, b)) {
        return 0;
    }

    port = reg_upstream_port(host, -1);
    host.len -= port.len ? port.len + 1 : 0;

    port = reg_upstream_port(url->authority, -1);
    b = url->authority;
    b.len -= port.len ? port.len + 1 : 0;

    return host.len == b.len
           && strncasecmp((const char *) host.data, (const char *) b.data,
                          b.len)
              == 0;
}


static int
reg_upstream_secure(reg_str_t url)
{
    return url.len >= 5
           && strncasecmp((const char *) url.data, "https", 5) == 0;
}


/* The port, or that of the scheme; empty where there is none and no scheme. */

static reg_str_t
reg_upstream_port(reg_str_t authority, int secure)
{
    size_t  i;

    for (i = authority.len; i > 0; i--) {

        if (authority.data[i - 1] == ']') {
            break;
        }

        if (authority.data[i - 1] == ':') {
            return (reg_str_t) { authority.len - i, authority.data + i };
        }
    }

    return secure < 0 ? REG_STR_NULL : secure ? REG_STR("443") : REG_STR("80");
}


static reg_rc_t
reg_upstream_full(const reg_text_t *text, reg_error_t *error)
{
    if (text->full) {
        reg_error_set(error, "it is too long");
        return REG_INVALID;
    }

    return REG_OK;
}
