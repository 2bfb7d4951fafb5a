/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Lines of the access log: what is an event is one that receivers can read, in
 * both formats or in none; what is refused has a sentence.
 */

#include <stdlib.h>

#include "reg_event.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *text;
    json_t       *event, *cloud, *item, *target;
    reg_rc_t      rc;
    reg_str_t     line;
    reg_error_t   error;

    line = (reg_str_t) { size, (unsigned char *) data };
    error.text[0] = '\0';

    rc = reg_event_make(&event, REG_EVENT_DISTRIBUTION, line, &error);

    if (rc != REG_OK) {
        CHECK(rc == REG_NOTFOUND || (rc == REG_INVALID && error.text[0]));
        CHECK(reg_event_make(&cloud, REG_EVENT_CLOUDEVENTS, line, &error)
              == rc);
        return 0;
    }

    CHECK(reg_event_make(&cloud, REG_EVENT_CLOUDEVENTS, line, &error)
          == REG_OK);

    item = json_array_get(json_object_get(event, "events"), 0);
    target = json_object_get(item, "target");

    CHECK(json_is_string(json_object_get(item, "id")));
    CHECK(json_is_string(json_object_get(target, "repository")));
    CHECK(json_string_length(json_object_get(target, "repository")));
    CHECK(json_equal(target, json_object_get(json_object_get(cloud, "data"),
                                             "target")));

    text = json_dumps(event, 0);
    CHECK(text != NULL);
    free(text);

    text = json_dumps(cloud, 0);
    CHECK(text != NULL);
    free(text);

    json_decref(event);
    json_decref(cloud);

    return 0;
}
