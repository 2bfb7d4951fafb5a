/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_topology.h"

/* A range of slots: the first, the last, the primary, its replicas. */

enum {
    REG_RANGE_FIRST = 0,
    REG_RANGE_LAST,
    REG_RANGE_PRIMARY
};


static reg_rc_t reg_cluster_range(reg_cluster_map_t *map,
    const redisReply *range, reg_error_t *error);
static reg_rc_t reg_cluster_primary(reg_cluster_map_t *map,
    const redisReply *node, unsigned char *owner, reg_error_t *error);
static int reg_cluster_line(reg_str_t *text, reg_str_t *name,
    reg_str_t *value);
static reg_str_t reg_topology_cut(reg_str_t *text, unsigned char end);
static reg_str_t reg_topology_text(const redisReply *reply);
static reg_rc_t reg_topology_number(uint64_t *n, reg_str_t text);


reg_rc_t
reg_cluster_map(reg_cluster_map_t *map, const redisReply *reply,
    reg_error_t *error)
{
    size_t    i;
    reg_rc_t  rc;

    map->n = 0;
    memset(map->owners, REG_CLUSTER_NOBODY, sizeof(map->owners));

    if (reply->type != REDIS_REPLY_ARRAY) {
        reg_error_set(error, "it is no list");
        return REG_INVALID;
    }

    for (i = 0; i < reply->elements; i++) {
        rc = reg_cluster_range(map, reply->element[i], error);

        if (rc != REG_OK) {
            return rc;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_cluster_range(reg_cluster_map_t *map, const redisReply *range,
    reg_error_t *error)
{
    reg_rc_t       rc;
    long long      slot, first, last;
    unsigned char  owner;

    if (range->type != REDIS_REPLY_ARRAY
        || range->elements <= REG_RANGE_PRIMARY
        || range->element[REG_RANGE_FIRST]->type != REDIS_REPLY_INTEGER
        || range->element[REG_RANGE_LAST]->type != REDIS_REPLY_INTEGER)
    {
        reg_error_set(error, "a range of slots is none");
        return REG_INVALID;
    }

    first = range->element[REG_RANGE_FIRST]->integer;
    last = range->element[REG_RANGE_LAST]->integer;

    if (first < 0 || first > last || last >= REG_REDIS_SLOTS) {
        reg_error_set(error, "there are no slots %lld to %lld", first, last);
        return REG_INVALID;
    }

    rc = reg_cluster_primary(map, range->element[REG_RANGE_PRIMARY], &owner,
                             error);

    if (rc != REG_OK) {
        return rc == REG_NOTFOUND ? REG_OK : rc;
    }

    for (slot = first; slot <= last; slot++) {

        if (map->owners[slot] != REG_CLUSTER_NOBODY) {
            reg_error_set(error, "slot %lld is there twice", slot);
            return REG_INVALID;
        }

        map->owners[slot] = owner;
    }

    return REG_OK;
}


/*
 * REG_NOTFOUND: nobody can get there.  A host that is not known is "?", one
 * that is the same as ours is nil, or empty in earlier versions.
 */

static reg_rc_t
reg_cluster_primary(reg_cluster_map_t *map, const redisReply *node,
    unsigned char *owner, reg_error_t *error)
{
    size_t             i;
    unsigned           port;
    reg_str_t          host;
    const redisReply  *name;

    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2
        || node->element[1]->type != REDIS_REPLY_INTEGER)
    {
        reg_error_set(error, "a node is none");
        return REG_INVALID;
    }

    name = node->element[0];
    host = reg_topology_text(name);

    if (reg_str_eq(host, REG_STR("?")) || node->element[1]->integer == 0) {
        return REG_NOTFOUND;
    }

    if ((host.data == NULL && name->type != REDIS_REPLY_NIL)
        || reg_redis_host_check(host) != REG_OK
        || node->element[1]->integer < 0 || node->element[1]->integer > 65535)
    {
        reg_error_set(error, "a node has no address");
        return REG_INVALID;
    }

    port = (unsigned) node->element[1]->integer;

    for (i = 0; i < map->n; i++) {
        if (map->primaries[i].port == port
            && reg_str_eq(map->primaries[i].host, host))
        {
            break;
        }
    }

    if (i == REG_CLUSTER_PRIMARIES_MAX) {
        reg_error_set(error, "there are more than %d primaries",
                      REG_CLUSTER_PRIMARIES_MAX);
        return REG_INVALID;
    }

    if (i == map->n) {
        map->primaries[i].host = host;
        map->primaries[i].port = port;
        map->n++;
    }

    *owner = (unsigned char) i;

    return REG_OK;
}


reg_rc_t
reg_cluster_info(reg_cluster_info_t *info, const redisReply *reply)
{
    unsigned   state, epoch;
    reg_str_t  text, name, value;

    text = reg_topology_text(reply);
    state = 0;
    epoch = 0;

    info->ok = 0;
    info->epoch = 0;

    while (reg_cluster_line(&text, &name, &value)) {

        if (reg_str_eq(name, REG_STR("cluster_state"))) {
            info->ok = reg_str_eq(value, REG_STR("ok")) ? 1 : 0;
            state++;

        } else if (reg_str_eq(name, REG_STR("cluster_current_epoch"))) {

            if (reg_topology_number(&info->epoch, value) != REG_OK) {
                return REG_INVALID;
            }

            epoch++;
        }
    }

    return state == 1 && epoch == 1 ? REG_OK : REG_INVALID;
}


/*
 * "<id> <address> myself,master - 0 0 1 connected 0-5460 [93->-<id>]": what is
 * in brackets is on its way.
 */

int
reg_cluster_settled(const redisReply *reply)
{
    size_t     words;
    reg_str_t  text, line, word;

    text = reg_topology_text(reply);

    while (text.len > 0) {
        line = reg_topology_cut(&text, '\n');

        (void) reg_topology_cut(&line, ' ');
        (void) reg_topology_cut(&line, ' ');

        word = reg_topology_cut(&line, ' ');

        if (!reg_str_starts(word, REG_STR("myself"))) {
            continue;
        }

        if (!reg_str_eq(word, REG_STR("myself,master"))) {
            return 0;
        }

        for (words = 0; line.len > 0; words++) {
            word = reg_topology_cut(&line, ' ');

            if (word.len > 0 && word.data[0] == '[') {
                return 0;
            }
        }

        return words > 0;
    }

    return 0;
}


/* Cuts off what is before the end, and that. */

static reg_str_t
reg_topology_cut(reg_str_t *text, unsigned char end)
{
    size_t     n;
    reg_str_t  word;

    for (n = 0; n < text->len && text->data[n] != end; n++) { /* void */ }

    word = (reg_str_t) { n, text->data };

    n += (n < text->len);

    if (n > 0) {
        text->data += n;
        text->len -= n;
    }

    return word;
}


/* Cuts "name:value" and the end of its line off; says whether there was one. */

static int
reg_cluster_line(reg_str_t *text, reg_str_t *name, reg_str_t *value)
{
    size_t     n;
    reg_str_t  line;

    if (text->len == 0) {
        return 0;
    }

    for (n = 0; n < text->len && text->data[n] != '\n'; n++) { /* void */ }

    line = (reg_str_t) { n, text->data };

    n += (n < text->len);
    text->data += n;
    text->len -= n;

    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    for (n = 0; n < line.len && line.data[n] != ':'; n++) { /* void */ }

    *name = (reg_str_t) { n, line.data };

    n += (n < line.len);
    *value = (reg_str_t) { line.len - n, line.data + n };

    return 1;
}


reg_rc_t
reg_sentinel_address(reg_store_host_t *address, const redisReply *reply)
{
    uint64_t  port;

    if (reply->type == REDIS_REPLY_NIL) {
        return REG_NOTFOUND;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return REG_INVALID;
    }

    address->host = reg_topology_text(reply->element[0]);

    if (address->host.len == 0
        || reg_redis_host_check(address->host) != REG_OK
        || reg_topology_number(&port, reg_topology_text(reply->element[1]))
           != REG_OK
        || port == 0 || port > 65535)
    {
        return REG_INVALID;
    }

    address->port = (unsigned) port;

    return REG_OK;
}


reg_rc_t
reg_sentinel_epoch(uint64_t *epoch, const redisReply *reply)
{
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY) {
        return REG_INVALID;
    }

    for (i = 0; i + 1 < reply->elements; i += 2) {

        if (reg_str_eq(reg_topology_text(reply->element[i]),
                       REG_STR("config-epoch")))
        {
            return reg_topology_number(epoch,
                                    reg_topology_text(reply->element[i + 1]));
        }
    }

    return REG_INVALID;
}


/* REG_STR_NULL for what is no text. */

static reg_str_t
reg_topology_text(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING
        && reply->type != REDIS_REPLY_STATUS)
    {
        return REG_STR_NULL;
    }

    return (reg_str_t) { reply->len, (unsigned char *) reply->str };
}


/* Eighteen digits: more than any epoch has. */

static reg_rc_t
reg_topology_number(uint64_t *n, reg_str_t text)
{
    size_t  i;

    if (text.len == 0 || text.len > 18) {
        return REG_INVALID;
    }

    *n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return REG_INVALID;
        }

        *n = *n * 10 + (uint64_t) (text.data[i] - '0');
    }

    return REG_OK;
}
