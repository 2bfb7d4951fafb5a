/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What the errors of Redis mean to who has given a command.
 */

#include "cli_redis_link.h"


/* "EXECABORT Transaction discarded because of: READONLY You can't write" */

reg_resp_error_t
cli_link_cause(const redisReply *reply)
{
    char        *colon;
    redisReply   cause;

    static const char  abort[] = "EXECABORT ";

    if (reply->type != REDIS_REPLY_ERROR
        || strncmp(reply->str, abort, sizeof(abort) - 1) != 0)
    {
        return reg_resp_error(reply);
    }

    colon = strstr(reply->str, ": ");

    if (colon == NULL) {
        return REG_RESP_OTHER;
    }

    cause = *reply;
    cause.str = colon + 2;
    cause.len = strlen(cause.str);

    return reg_resp_error(&cause);
}


const char *
cli_link_sentence(const redisReply *reply, int *passing)
{
    size_t  i;

    static const struct {
        reg_resp_error_t   error;
        int                passing;
        const char        *sentence;
    } sentences[] = {

        { REG_RESP_NOAUTH, 0,
          "Redis wants a user or password: give password_file=" },
        { REG_RESP_NOPERM, 0, "the user may not do that, see docs/redis.acl" },
        { REG_RESP_READONLY, 1,
          "the server is a replica, which takes no writes" },
        { REG_RESP_LOADING, 1,
          "the server is loading its data: try again soon" },
        { REG_RESP_MASTERDOWN, 1,
          "the server is a replica that has lost its master" },
        { REG_RESP_BUSY, 1, "the server is busy with a script" },
        { REG_RESP_OOM, 0,
          "the server has no memory left for more records" },
        { REG_RESP_MISCONF, 0,
          "the server cannot write to its disk and takes no changes" },
        { REG_RESP_CLUSTERDOWN, 1,
          "the cluster is down: a part of its slots is served by nobody" },
        { REG_RESP_TRYAGAIN, 1, "the slot is on its way to another node" },
        { REG_RESP_MOVED, 0,
          "the server is part of a cluster: write redis+cluster://" },
        { REG_RESP_ASK, 0,
          "the server is part of a cluster: write redis+cluster://" }
    };

    /* these have no name of their own, for the gateway does not send writes */

    static const struct {
        const char  *word;
        const char  *sentence;
    } others[] = {
        { "NOREPLICAS", "the server has too few replicas to take a change" },
        { "CROSSSLOT", "the server is part of a cluster: write "
                       "redis+cluster://" },
        { "WRONGTYPE", "something else than a record has the name of one" },
        { "EXECABORT", "the server refuses the change as a whole" }
    };

    *passing = 0;

    for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {

        if (cli_link_cause(reply) == sentences[i].error) {
            *passing = sentences[i].passing;
            return sentences[i].sentence;
        }
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        if (strncmp(reply->str, others[i].word, strlen(others[i].word)) == 0) {
            return others[i].sentence;
        }
    }

    return "the server refuses the command";
}
