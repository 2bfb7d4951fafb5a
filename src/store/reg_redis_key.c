/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_api_key.h"
#include "reg_name.h"
#include "reg_record_json.h"
#include "reg_resp.h"


static uint16_t reg_redis_crc16(reg_str_t text);
static int reg_redis_name_ok(reg_record_type_t type, reg_str_t name);


/*
 * Redis cluster specification, "Hash tags": if there is a '{', and behind it a
 * '}', and something between the first '{' and the first '}' behind it, only
 * that is hashed.
 */

unsigned
reg_redis_slot(reg_str_t key)
{
    size_t          len;
    unsigned char  *open, *close;

    open = key.len ? memchr(key.data, '{', key.len) : NULL;

    if (open != NULL) {
        len = key.len - (size_t) (open + 1 - key.data);
        close = len ? memchr(open + 1, '}', len) : NULL;

        if (close != NULL && close > open + 1) {
            key.len = (size_t) (close - open - 1);
            key.data = open + 1;
        }
    }

    return reg_redis_crc16(key) % REG_REDIS_SLOTS;
}


/* CRC-16/XMODEM: polynomial 0x1021, from 0, not reflected. */

static uint16_t
reg_redis_crc16(reg_str_t text)
{
    size_t    i;
    unsigned  bit, crc;

    crc = 0;

    for (i = 0; i < text.len; i++) {
        crc ^= (unsigned) text.data[i] << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        }

        crc &= 0xffff;
    }

    return (uint16_t) crc;
}


size_t
reg_redis_key(unsigned char *buf, reg_str_t prefix, reg_record_type_t type,
    reg_str_t name)
{
    unsigned char  *p;
    reg_str_t       word;

    word = reg_str(reg_record_type_name(type));
    p = buf;

    if (prefix.len) {
        memcpy(p, prefix.data, prefix.len);
        p += prefix.len;
    }

    memcpy(p, word.data, word.len);
    p += word.len;

    *p++ = ':';

    if (name.len) {
        memcpy(p, name.data, name.len);
        p += name.len;
    }

    return (size_t) (p - buf);
}


reg_rc_t
reg_redis_key_parse(reg_record_type_t *type, reg_str_t *name, reg_str_t prefix,
    reg_str_t key)
{
    unsigned   i;
    reg_str_t  word;

    if (!reg_str_starts(key, prefix)) {
        return REG_NOTFOUND;
    }

    key.data += prefix.len;
    key.len -= prefix.len;

    for (i = 0; i < REG_RECORD_TYPES; i++) {
        word = reg_str(reg_record_type_name((reg_record_type_t) i));

        if (!reg_str_starts(key, word) || key.len == word.len
            || key.data[word.len] != ':')
        {
            continue;
        }

        *type = (reg_record_type_t) i;
        name->data = key.data + word.len + 1;
        name->len = key.len - word.len - 1;

        return reg_redis_name_ok(*type, *name) ? REG_OK : REG_NOTFOUND;
    }

    return REG_NOTFOUND;
}


/* Names that the file store takes, too, whatever else they may be. */

static int
reg_redis_name_ok(reg_record_type_t type, reg_str_t name)
{
    size_t  i;

    switch (type) {

    case REG_RECORD_KEY:
        return reg_api_key_id_check(name) == REG_OK;

    case REG_RECORD_REPOSITORY:
    case REG_RECORD_BUDGET:
        break;

    default:
        return reg_label_check(name) == REG_OK;
    }

    if (name.len == 0 || name.len > REG_TEXT_MAX) {
        return 0;
    }

    for (i = 0; i < name.len; i++) {

        if (name.data[i] < 0x20 || name.data[i] == '"'
            || name.data[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}
