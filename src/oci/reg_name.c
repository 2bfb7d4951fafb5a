/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_name.h"

#define REG_LABEL_MAX  63


static reg_rc_t reg_digest_split(reg_digest_t *digest, reg_str_t text,
    reg_str_t colon);


/* Names and tags are most of the bytes of a path: one look at each. */

#define REG_CHAR_LOWER  0x01        /* a-z 0-9 */
#define REG_CHAR_LABEL  0x02        /* and . _ - */
#define REG_CHAR_TAG    0x04        /* and A-Z */

#define L  (REG_CHAR_LOWER|REG_CHAR_LABEL|REG_CHAR_TAG)
#define U  REG_CHAR_TAG
#define P  (REG_CHAR_LABEL|REG_CHAR_TAG)

static const unsigned char  reg_chars[256] = {
    ['-'] = P, ['.'] = P, ['_'] = P,

    ['0'] = L, L, L, L, L, L, L, L, L, L,
    ['A'] = U, U, U, U, U, U, U, U, U, U, U, U, U,
            U, U, U, U, U, U, U, U, U, U, U, U, U,
    ['a'] = L, L, L, L, L, L, L, L, L, L, L, L, L,
            L, L, L, L, L, L, L, L, L, L, L, L, L
};

#undef L
#undef U
#undef P


/*
 * Components of [a-z0-9]+ joined by one of ".", "_", "__" or any number of
 * "-", and among themselves by "/".
 */

reg_rc_t
reg_repository_check(reg_str_t text)
{
    const unsigned char  *p, *last, *word;

    if (text.len == 0 || text.len > REG_REPOSITORY_MAX) {
        return REG_INVALID;
    }

    p = text.data;
    last = p + text.len;

    for ( ;; ) {

        word = p;

        while (p < last && (reg_chars[*p] & REG_CHAR_LOWER)) {
            p++;
        }

        if (p == word) {
            return REG_INVALID;
        }

        if (p == last) {
            return REG_OK;
        }

        switch (*p++) {

        case '/':
        case '.':
            break;

        case '_':
            if (p < last && *p == '_') {
                p++;
            }
            break;

        case '-':
            while (p < last && *p == '-') {
                p++;
            }
            break;

        default:
            return REG_INVALID;
        }
    }
}


reg_rc_t
reg_tag_check(reg_str_t text)
{
    size_t  i;

    if (text.len == 0 || text.len > REG_TAG_MAX
        || text.data[0] == '.' || text.data[0] == '-')
    {
        return REG_INVALID;
    }

    for (i = 0; i < text.len; i++) {
        if (!(reg_chars[text.data[i]] & REG_CHAR_TAG)) {
            return REG_INVALID;
        }
    }

    return REG_OK;
}


reg_rc_t
reg_digest_parse(reg_digest_t *digest, reg_str_t text)
{
    return reg_digest_split(digest, text, REG_STR(":"));
}


reg_rc_t
reg_digest_parse_raw(reg_digest_t *digest, reg_str_t text)
{
    if (reg_digest_split(digest, text, REG_STR(":")) == REG_OK
        || reg_digest_split(digest, text, REG_STR("%3A")) == REG_OK
        || reg_digest_split(digest, text, REG_STR("%3a")) == REG_OK)
    {
        return REG_OK;
    }

    return REG_INVALID;
}


reg_rc_t
reg_label_check(reg_str_t text)
{
    size_t  i;

    if (text.len == 0 || text.len > REG_LABEL_MAX
        || !(reg_chars[text.data[0]] & REG_CHAR_LOWER))
    {
        return REG_INVALID;
    }

    for (i = 1; i < text.len; i++) {
        if (!(reg_chars[text.data[i]] & REG_CHAR_LABEL)) {
            return REG_INVALID;
        }
    }

    return REG_OK;
}


static reg_rc_t
reg_digest_split(reg_digest_t *digest, reg_str_t text, reg_str_t colon)
{
    size_t                i, digits;
    unsigned char         other;
    const unsigned char  *p, *last;

    if (reg_str_starts(text, REG_STR("sha256"))) {
        digits = 64;

    } else if (reg_str_starts(text, REG_STR("sha512"))) {
        digits = 128;

    } else {
        return REG_INVALID;
    }

    digest->algorithm.data = text.data;
    digest->algorithm.len = sizeof("sha256") - 1;

    text.data += digest->algorithm.len;
    text.len -= digest->algorithm.len;

    if (!reg_str_starts(text, colon) || text.len != colon.len + digits) {
        return REG_INVALID;
    }

    digest->encoded.data = text.data + colon.len;
    digest->encoded.len = digits;

    /* blocks of one length, without a branch, become vector instructions */

    other = 0;
    p = digest->encoded.data;

    for (last = p + digits; p < last; p += 64) {
        for (i = 0; i < 64; i++) {
            other |= ((unsigned char) (p[i] - '0') > 9)
                     & ((unsigned char) (p[i] - 'a') > 5);
        }
    }

    return other ? REG_INVALID : REG_OK;
}


reg_rc_t
reg_label_name_check(reg_str_t text)
{
    size_t         i;
    unsigned char  c;

    if (text.len < 1 || text.len > 63
        || text.data[0] < 'a' || text.data[0] > 'z')
    {
        return REG_INVALID;
    }

    for (i = 1; i < text.len; i++) {
        c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return REG_INVALID;
        }
    }

    return REG_OK;
}
