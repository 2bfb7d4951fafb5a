/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_gcra.h"

#define REG_SECOND  1000000000

_Static_assert(REG_GCRA_AHEAD_MAX < (int64_t) 1 << 53,
               "Lua counts in doubles");


void
reg_gcra_init(reg_gcra_t *gcra, const reg_rate_t *rate)
{
    gcra->interval = ((int64_t) rate->window * REG_SECOND + rate->count - 1)
                     / rate->count;

    gcra->tolerance = gcra->interval * rate->burst;
}


int64_t
reg_gcra_take(const reg_gcra_t *gcra, int64_t mark, int64_t now,
    reg_gcra_answer_t *answer)
{
    reg_gcra_look(gcra, mark, now, answer);

    if (answer->wait > 0) {
        return mark;
    }

    answer->remaining--;

    return (mark > now ? mark : now) + gcra->interval;
}


void
reg_gcra_look(const reg_gcra_t *gcra, int64_t mark, int64_t now,
    reg_gcra_answer_t *answer)
{
    int64_t  ahead, wait;

    ahead = mark > now ? mark - now : 0;

    /* it may be ahead by more where the rate was changed meanwhile */

    wait = ahead + gcra->interval - gcra->tolerance;

    if (wait > 0) {
        answer->wait = wait;
        answer->remaining = 0;
        return;
    }

    answer->wait = 0;
    answer->remaining = (uint32_t) ((gcra->tolerance - ahead) / gcra->interval);
}


int64_t
reg_gcra_refund(const reg_gcra_t *gcra, int64_t mark)
{
    return mark > gcra->interval ? mark - gcra->interval : 0;
}


int64_t
reg_gcra_seconds(int64_t nanoseconds)
{
    return nanoseconds / REG_SECOND + (nanoseconds % REG_SECOND > 0);
}
