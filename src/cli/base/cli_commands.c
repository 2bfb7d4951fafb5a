/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Every command and option there is: parsing, help, and the checks of the
 * manual page and the completion all begin here.
 */

#include "cli.h"


#define CLI_END  { CLI_OPTIONS, 0, NULL, NULL, NULL, 0 }


const cli_option_t  cli_global_options[] = {
    { CLI_OPT_STORE, 0, "store", "URL",
      "where the records are: file:PATH, redis://HOST[:PORT], redis+unix:PATH, "
      "redis+sentinel://HOST,.../NAME or redis+cluster://HOST,..., with rediss "
      "for TLS; $REGISTRY_STORE by default", 0 },
    { CLI_OPT_PEPPER_FILE, 0, "pepper-file", "FILE",
      "the secret of registry_pepper_file, for keys that are hashed with it",
      0 },
    { CLI_OPT_FORMAT, 0, "format", "table|json",
      "table for people (the default), json for programs", 0 },
    { CLI_OPT_HELP, 0, "help", NULL, "this text", 'h' },
    { CLI_OPT_VERSION, 0, "version", NULL, "print the version", 0 },
    CLI_END
};


static const cli_option_t  cli_no_options[] = { CLI_END };

static const cli_option_t  cli_key_create_options[] = {
    { CLI_OPT_TENANT, CLI_REQUIRED, "tenant", "T",
      "the tenant that the key belongs to", 0 },
    { CLI_OPT_NAME, 0, "name", "NAME", "what people call the key", 0 },
    { CLI_OPT_ROLE, CLI_MANY, "role", "R", "a role of the key", 0 },
    { CLI_OPT_SCOPE, CLI_MANY, "scope", "SCOPE",
      "a scope of the key, such as repository:{tenant}/app:pull", 0 },
    { CLI_OPT_EXPIRES, 0, "expires", "90d|TIME",
      "when the key ends; never by default", 0 },
    { CLI_OPT_NOT_BEFORE, 0, "not-before", "7d|TIME",
      "when the key begins; at once by default", 0 },
    { CLI_OPT_ALLOW_FROM, CLI_MANY, "allow-from", "CIDR",
      "a network the key may be used from; any by default", 0 },
    { CLI_OPT_LIMIT, CLI_MANY, "limit", "NAME=RATE",
      "what a limit is for this key, such as pulls=100/6h or pulls=off", 0 },
    { CLI_OPT_OUTPUT, 0, "output", "key|docker|k8s|json",
      "what to print: the key alone (the default), a docker config.json, a "
      "Kubernetes image-pull Secret, or the record with the key", 0 },
    { CLI_OPT_REGISTRY, 0, "registry", "HOST",
      "the registry as clients call it, for docker and k8s", 0 },
    CLI_END
};

static const cli_option_t  cli_key_list_options[] = {
    { CLI_OPT_TENANT, 0, "tenant", "T", "only keys of this tenant", 0 },
    CLI_END
};

static const cli_option_t  cli_key_rotate_options[] = {
    { CLI_OPT_DUE, 0, "due", "14d",
      "all keys that end within this time; prints TENANT/NAME, a tab and the "
      "key", 0 },
    { CLI_OPT_OVERLAP, 0, "overlap", "7d",
      "how long the old key still works; 7d by default", 0 },
    { CLI_OPT_EXPIRES, 0, "expires", "90d|TIME",
      "when the new key ends; by default it lives as long as the old one was "
      "meant to", 0 },
    { CLI_OPT_OUTPUT, 0, "output", "key|docker|k8s|json",
      "what to print, as for key create", 0 },
    { CLI_OPT_REGISTRY, 0, "registry", "HOST",
      "the registry as clients call it, for docker and k8s", 0 },
    CLI_END
};

static const cli_option_t  cli_key_revoke_options[] = {
    { CLI_OPT_STDIN, 0, "stdin", NULL,
      "find the leaked keys in the text on standard input", 0 },
    { CLI_OPT_TENANT, 0, "tenant", "T",
      "all keys of this tenant; goes with --created-before", 0 },
    { CLI_OPT_CREATED_BEFORE, 0, "created-before", "30d|TIME",
      "only keys that are older", 0 },
    { CLI_OPT_TOKENS, 0, "tokens", NULL,
      "not the key, but all tokens that it has been given, those to refresh "
      "with, too", 0 },
    { CLI_OPT_REASON, 0, "reason", "TEXT", "why, for the record", 0 },
    { CLI_OPT_WAIT, 0, "wait", "N",
      "until so many replicas of a Redis have it; exit code 3 if they do not",
      0 },
    { CLI_OPT_WAIT_TIMEOUT, 0, "wait-timeout", "1s",
      "how long to wait for them; 1s by default", 0 },
    CLI_END
};

static const cli_option_t  cli_tenant_set_options[] = {
    { CLI_OPT_LABEL, CLI_MANY, "label", "NAME=VALUE", "set a label", 0 },
    { CLI_OPT_UNLABEL, CLI_MANY, "unlabel", "NAME", "remove a label", 0 },
    { CLI_OPT_LIMIT, CLI_MANY, "limit", "NAME=RATE",
      "what a limit is for the tenant, such as pulls=100/6h or pulls=off", 0 },
    { CLI_OPT_UNLIMIT, CLI_MANY, "unlimit", "NAME",
      "leave a limit at what the gateway says", 0 },
    { CLI_OPT_BANDWIDTH, 0, "bandwidth", "RATE|off",
      "how fast each download may be, such as 50MB/s", 0 },
    { CLI_OPT_DOWNLOADS, 0, "downloads", "N|off",
      "how many blobs may be downloaded at once from each gateway", 0 },
    { CLI_OPT_SUSPEND, 0, "suspend", NULL, "refuse all keys of the tenant",
      0 },
    { CLI_OPT_RESUME, 0, "resume", NULL, "end a suspension", 0 },
    CLI_END
};

static const cli_option_t  cli_role_set_options[] = {
    { CLI_OPT_SCOPE, CLI_MANY | CLI_REQUIRED, "scope", "SCOPE",
      "a scope of the role, such as repository:{tenant}/**:pull", 0 },
    CLI_END
};

static const cli_option_t  cli_repository_set_options[] = {
    { CLI_OPT_OWNER, 0, "owner", "T",
      "the tenant that pays when the owner pays", 0 },
    { CLI_OPT_LABEL, CLI_MANY, "label", "NAME=VALUE", "set a label", 0 },
    { CLI_OPT_UNLABEL, CLI_MANY, "unlabel", "NAME", "remove a label", 0 },
    CLI_END
};

static const cli_option_t  cli_issuer_set_options[] = {
    { CLI_OPT_FILE, CLI_REQUIRED, "file", "FILE",
      "the record, as JSON; - is standard input", 'f' },
    CLI_END
};

static const cli_option_t  cli_egress_report_options[] = {
    { CLI_OPT_LEDGER, 0, "ledger", "DIR",
      "the directory of a ledger; the Redis of --store by default, where all "
      "gateways send theirs", 0 },
    { CLI_OPT_MONTH, 0, "month", "M", "a month, such as 2026-01; this one by "
      "default", 0 },
    { CLI_OPT_FROM, 0, "from", "DAY", "the first day, such as 2026-01-15", 0 },
    { CLI_OPT_TO, 0, "to", "DAY", "the last day; today by default", 0 },
    { CLI_OPT_PAYER, 0, "payer", "puller|owner",
      "who pays: the tenant that pulled (the default), or the owner of the "
      "repository", 0 },
    { CLI_OPT_BY, CLI_MANY, "by", "WHAT",
      "tenant (the default), repository, route, network, operation, day or "
      "label:NAME", 0 },
    { CLI_OPT_PRICES, 0, "prices", "FILE",
      "what bytes cost, as JSON: adds cost and savings", 0 },
    { CLI_OPT_MEASURED, 0, "measured", NULL,
      "count what egress import found delivered, not what was redirected", 0 },
    { CLI_OPT_RECORDS, 0, "records", "URL",
      "a store whose labels and owners count for all days, such as a store "
      "export; by default those of --store on each day", 0 },
    CLI_END
};

static const cli_option_t  cli_egress_sync_options[] = {
    { CLI_OPT_LEDGER, CLI_REQUIRED, "ledger", "DIR",
      "the directory of a ledger", 0 },
    { CLI_OPT_KEEP, 0, "keep", "400d",
      "how long Redis keeps the days; 400d by default", 0 },
    CLI_END
};

static const cli_option_t  cli_egress_compact_options[] = {
    { CLI_OPT_LEDGER, 0, "ledger", "DIR",
      "a directory from which to remove files that are older than --keep", 0 },
    { CLI_OPT_KEEP, 0, "keep", "400d",
      "how long days are kept that have no end yet; 400d by default", 0 },
    CLI_END
};

static const cli_option_t  cli_egress_import_options[] = {
    { CLI_OPT_LEDGER, CLI_REQUIRED, "ledger", "DIR",
      "the directory of a ledger, which keeps what was booked", 0 },
    { CLI_OPT_ROUTE, CLI_REQUIRED, "route", "NAME",
      "the registry_cdn whose logs they are", 0 },
    { CLI_OPT_NETWORK, 0, "network", "NAME",
      "what the network of the clients is called; nothing by default", 0 },
    { CLI_OPT_KEY, 0, "key", "FILE",
      "the key_file of sign hmac, to verify whose a request was", 0 },
    CLI_END
};

static const cli_option_t  cli_budget_set_options[] = {
    { CLI_OPT_ALERT, 0, "alert", "50,80,100",
      "the percentages at which to tell; 80,100 by default", 0 },
    CLI_END
};

static const cli_option_t  cli_budget_check_options[] = {
    { CLI_OPT_LEDGER, 0, "ledger", "DIR",
      "the directory of a ledger; the Redis of --store by default, where all "
      "gateways send theirs", 0 },
    { CLI_OPT_RECORDS, 0, "records", "URL",
      "a store whose labels count for all days; by default those of --store on "
      "each day", 0 },
    { CLI_OPT_WEBHOOK, 0, "webhook", "URL", "where alerts are posted, too", 0 },
    { CLI_OPT_SECRET_FILE, 0, "secret-file", "FILE",
      "what signs them: X-Registry-Signature", 0 },
    { CLI_OPT_METRICS, 0, "metrics", "FILE",
      "write registry_budget_used_ratio for the textfile collector of "
      "node_exporter", 0 },
    { CLI_OPT_LOOP, 0, "loop", "5m", "check again and again", 0 },
    CLI_END
};

static const cli_option_t  cli_events_deliver_options[] = {
    { CLI_OPT_LOG, CLI_REQUIRED, "log", "FILE", "the access log", 0 },
    { CLI_OPT_PLACE, CLI_REQUIRED, "place", "FILE",
      "where to keep how far it has come", 0 },
    { CLI_OPT_WEBHOOK, 0, "webhook", "URL", "where events are posted", 0 },
    { CLI_OPT_SECRET_FILE, 0, "secret-file", "FILE",
      "what signs them: X-Registry-Signature", 0 },
    { CLI_OPT_STREAM, 0, "stream", "NAME",
      "the stream that they are added to, in the Redis of --store, behind its "
      "prefix", 0 },
    { CLI_OPT_AS, 0, "as", "distribution|cloudevents",
      "the envelope of Distribution's notifications (the default), or "
      "CloudEvents 1.0", 0 },
    { CLI_OPT_RETRIES, 0, "retries", "N",
      "how often to try again; 8 by default, without --dead-letter for ever",
      0 },
    { CLI_OPT_DEAD_LETTER, 0, "dead-letter", "FILE",
      "where lines go that cannot be delivered", 0 },
    { CLI_OPT_ONCE, 0, "once", NULL, "end where the log ends now", 0 },
    CLI_END
};

static const cli_option_t  cli_apply_options[] = {
    { CLI_OPT_FILE, CLI_REQUIRED, "file", "FILE",
      "what should be, as JSON; - is standard input", 'f' },
    { CLI_OPT_DRY_RUN, 0, "dry-run", NULL,
      "print what would be done and change nothing", 0 },
    { CLI_OPT_PRUNE, 0, "prune", NULL,
      "revoke keys and remove other records that the file does not name",
      0 },
    CLI_END
};

static const cli_option_t  cli_store_copy_options[] = {
    { CLI_OPT_TO, CLI_REQUIRED, "to", "URL", "the store to copy to", 0 },
    CLI_END
};

static const cli_option_t  cli_explain_options[] = {
    { CLI_OPT_KEY_ID, 0, "key-id", "ID", "who asks: the holder of this key",
      0 },
    { CLI_OPT_TOKEN, 0, "token", "FILE",
      "who asks: whoever has this token of an issuer; - is standard input", 0 },
    { CLI_OPT_JWKS, 0, "jwks", "FILE",
      "the keys of the issuer, to verify the signature, too", 0 },
    { CLI_OPT_ANONYMOUS, 0, "anonymous", NULL,
      "who asks: somebody without credentials", 0 },
    { CLI_OPT_SCOPE, CLI_MANY, "scope", "SCOPE",
      "a scope of registry_anonymous, with --anonymous", 0 },
    { CLI_OPT_TENANT, 0, "tenant", "T",
      "the tenant of registry_anonymous, with --anonymous", 0 },
    { CLI_OPT_REPOSITORY, 0, "repository", "R", "what is asked for", 0 },
    { CLI_OPT_CATALOG, 0, "catalog", NULL,
      "ask for the list of repositories", 0 },
    { CLI_OPT_API, 0, "api", "NAME", "ask for an API behind registry api",
      0 },
    { CLI_OPT_ACTION, 0, "action", "A",
      "pull, push or delete; or the action of the API", 0 },
    { CLI_OPT_FROM, 0, "from", "R",
      "the source of a mount, with --action push", 0 },
    { CLI_OPT_ADDRESS, 0, "address", "IP", "where the client is", 0 },
    CLI_END
};

static const cli_option_t  cli_token_keygen_options[] = {
    { CLI_OPT_ALG, 0, "alg", "ES256|RS256|EdDSA",
      "what the key signs with; ES256 by default", 0 },
    CLI_END
};

static const cli_option_t  cli_token_rotate_options[] = {
    { CLI_OPT_ALG, 0, "alg", "ES256|RS256|EdDSA",
      "what the new key signs with; that of the old one by default", 0 },
    { CLI_OPT_KEEP, 0, "keep", "N",
      "how many older keys still verify; 1 by default", 0 },
    CLI_END
};

static const cli_option_t  cli_token_inspect_options[] = {
    { CLI_OPT_KEY, 0, "key", "FILE",
      "verify it with these keys, in PEM or a JWKS; exit code 1 if it is not "
      "valid", 0 },
    CLI_END
};

static const cli_option_t  cli_key_usage_options[] = {
    { CLI_OPT_SINCE, 0, "since", "30d|TIME", "only what is younger", 0 },
    CLI_END
};

static const cli_option_t  cli_audit_list_options[] = {
    { CLI_OPT_SINCE, 0, "since", "30d|TIME", "only what is younger", 0 },
    { CLI_OPT_UNTIL, 0, "until", "30d|TIME", "only what is older", 0 },
    { CLI_OPT_ACTOR, 0, "actor", "USER",
      "only what this user did, also with sudo", 0 },
    { CLI_OPT_ACTION, 0, "action", "A",
      "only create, change or remove; or only one command, such as \"key "
      "revoke\"", 0 },
    { CLI_OPT_RECORD, 0, "record", "TYPE|ID|TYPE/ID",
      "only changes of such records, of this one", 0 },
    { CLI_OPT_LIMIT, 0, "limit", "N", "only the last N", 0 },
    CLI_END
};


const cli_command_t  cli_commands[] = {

    { "key", "create", NULL, "make an API key and print it, once",
      "The key alone goes to standard output, all else to standard error. "
      "It cannot be shown again: the store keeps its hash.",
      cli_key_create_options, cli_key_create },

    { "key", "list", NULL, "list keys with their state", NULL,
      cli_key_list_options, cli_key_list },

    { "key", "show", "ID", "show a key's record", NULL,
      cli_no_options, cli_key_show },

    { "key", "rotate", "[ID]", "make the next key and let the old one run out",
      "The new key has the name, roles, scopes, networks and limits of the old "
      "one, which ends after the overlap. --due is for cron: a key that has "
      "been rotated is not rotated again, and each ends when it was to end.",
      cli_key_rotate_options, cli_key_rotate },

    { "key", "revoke", "[ID]", "end a key at once and for good",
      "Takes the id of a key, or --stdin, or --tenant with --created-before. "
      "A leaked key is never an argument: everybody on the machine could read "
      "it there.",
      cli_key_revoke_options, cli_key_revoke },

    { "key", "usage", "ID", "show who used a key, from where, for what",
      "What gateways with \"registry_usage on\" have written down, the latest "
      "last. PUSHED names the manifests that a registry has taken.",
      cli_key_usage_options, cli_key_usage },

    { "tenant", "set", "T", "create or change a tenant", NULL,
      cli_tenant_set_options, cli_tenant_set },

    { "tenant", "list", NULL, "list tenants", NULL,
      cli_no_options, cli_tenant_list },

    { "tenant", "show", "T", "show a tenant", NULL,
      cli_no_options, cli_tenant_show },

    { "role", "set", "R", "create a role or replace its scopes", NULL,
      cli_role_set_options, cli_role_set },

    { "role", "list", NULL, "list roles, the built-in ones too", NULL,
      cli_no_options, cli_role_list },

    { "role", "show", "R", "show a role", NULL,
      cli_no_options, cli_role_show },

    { "repository", "set", "PATTERN", "say who owns repositories",
      "The pattern is a name, one with * and **, or ~ and an expression. "
      "Among those that match a name, the name itself comes first, then the "
      "longest pattern.",
      cli_repository_set_options, cli_repository_set },

    { "repository", "list", NULL, "list who owns what", NULL,
      cli_no_options, cli_repository_list },

    { "repository", "show", "PATTERN", "show the record of a pattern", NULL,
      cli_no_options, cli_repository_show },

    { "repository", "remove", "PATTERN", "remove the record of a pattern",
      NULL, cli_no_options, cli_repository_remove },

    { "issuer", "set", "NAME", "say whose tokens are good here, and for whom",
      "The file is {\"issuer\":URL,\"audience\":TEXT,\"rules\":[\n"
      "{\"claims\":{\"NAME\":VALUE,...},\"tenant\":T,\"roles\":[...],\n"
      "\"scopes\":[...]},...]}\n"
      "All claims of a rule have to match, and the first rule counts. In a "
      "value * is any run without / and :, and ** any run. Of a list one "
      "member has to match; a/b is the member b of the claim a.",
      cli_issuer_set_options, cli_issuer_set },

    { "issuer", "list", NULL, "list issuers", NULL,
      cli_no_options, cli_issuer_list },

    { "issuer", "show", "NAME", "show an issuer and its rules", NULL,
      cli_no_options, cli_issuer_show },

    { "issuer", "remove", "NAME", "end the tokens of an issuer at once", NULL,
      cli_no_options, cli_issuer_remove },

    { "egress", "report", NULL, "say who used how much, and what it cost",
      "--format is table, csv, json, focus (the columns of FOCUS 1.2, for cost "
      "tools) or html (a page with charts that needs nothing else). What has "
      "no such label is (unlabelled), what nobody owns is (unowned).",
      cli_egress_report_options, cli_egress_report },

    { "egress", "sync", NULL, "send a ledger to Redis, whose nginx is gone",
      "Sends what the files say to the Redis of --store, as a gateway does. "
      "Nothing counts twice, however often it is sent. The files stay as they "
      "are.",
      cli_egress_sync_options, cli_egress_sync },

    { "egress", "compact", NULL, "fold what many instances have counted",
      "In the Redis of --store, of days before yesterday: one field for each "
      "row takes the place of those of all instances. Sums stay what they are, "
      "also when an instance sends something late.",
      cli_egress_compact_options, cli_egress_compact },

    { "egress", "import", "FILE...", "book what a CDN or an edge has delivered",
      "Reads logs, also compressed by gzip: --format is cloudfront, cloudflare "
      "or nginx, which is the log_format of conf.example/edge.conf. A log is "
      "booked as a whole or not at all, and a request once, however often and "
      "in whatever logs it is read.",
      cli_egress_import_options, cli_egress_import },

    { "budget", "set", "SUBJECT AMOUNT",
      "say how much a tenant or a label may use",
      "The subject is tenant:NAME or label:NAME=VALUE, the amount such as "
      "10TB/month.",
      cli_budget_set_options, cli_budget_set },

    { "budget", "list", NULL, "list budgets", NULL,
      cli_no_options, cli_budget_list },

    { "budget", "remove", "SUBJECT", "remove a budget", NULL,
      cli_no_options, cli_budget_remove },

    { "budget", "check", NULL, "tell of budgets that are used up",
      "Each alert is told once in a period, whoever in the fleet finds it "
      "first: on standard error and by the webhook. From cron, or with --loop.",
      cli_budget_check_options, cli_budget_check },

    { "events", "deliver", NULL, "send what happened elsewhere, as it happens",
      "Reads the access log of conf.example/nginx.conf, across rotation, and "
      "delivers each pull, push, mount and deletion at least once, in order.",
      cli_events_deliver_options, cli_events_deliver },

    { NULL, "apply", NULL, "make the store what a file says",
      "The file is {\"version\":1} and any of these sections:\n"
      "\"tenants\":{\"NAME\":{\"labels\":{...},\"limits\":{...},\n"
      "\"suspended\":false}}\n"
      "\"roles\":{\"NAME\":{\"scopes\":[...]}}\n"
      "\"budgets\":{\"SUBJECT\":{\"amount\":A,\"alerts\":[...]}}\n"
      "\"repositories\":{\"PATTERN\":{\"owner\":T,\"labels\":{...}}}\n"
      "\"issuers\":{\"NAME\":{\"issuer\":URL,\"audience\":TEXT,\n"
      "\"rules\":[...]}}\n"
      "\"keys\":{\"TENANT/NAME\":{\"roles\":[...],\"scopes\":[...],\n"
      "\"allow_from\":[...],\"not_before\":TIME,\"expires_at\":TIME,\n"
      "\"limits\":{...}}}\n"
      "\"expires_in\":\"90d\" sets the end of a key that is created. A member "
      "that the file does not name is left as it is; null removes it. A key "
      "that does not exist is created and printed, once, as TENANT/NAME, a tab "
      "and the key. --prune touches only the sections that the file has.",
      cli_apply_options, cli_apply },

    { "store", "check", NULL, "check every record of the store", NULL,
      cli_no_options, cli_store_check },

    { "store", "export", NULL, "print the store, for a backup", NULL,
      cli_no_options, cli_store_export },

    { "store", "import", "FILE", "merge a backup into the store",
      "Records of the backup replace those of the store, but nothing comes "
      "back to life: a revocation, rotation or suspension in the store stays. "
      "- is standard input.",
      cli_no_options, cli_store_import },

    { "store", "copy", NULL, "copy the records to another store",
      "From --store to --to, as store import does: nothing comes back to life "
      "that was revoked, rotated or suspended there.",
      cli_store_copy_options, cli_store_copy },

    { NULL, "explain", NULL, "say what the gateway would decide, and why",
      "Exit code 0: allowed, 1: denied. Without --repository, --catalog or "
      "--api the question is a login.",
      cli_explain_options, cli_explain },

    { "token", "keygen", "FILE", "make the key that signs tokens",
      "FILE is that of registry_token_key, and must not be there yet.",
      cli_token_keygen_options, cli_token_keygen },

    { "token", "rotate", "FILE", "put a new key before the old one",
      "The new key signs, and the old one verifies until the next rotation. "
      "Gateways notice within a second. Rotate again no earlier than the "
      "longest token lives.",
      cli_token_rotate_options, cli_token_rotate },

    { "token", "inspect", "FILE", "show what a token says",
      "- is standard input. A token is never an argument: everybody on the "
      "machine could read it there.",
      cli_token_inspect_options, cli_token_inspect },

    { "audit", "list", NULL, "list who changed what", NULL,
      cli_audit_list_options, cli_audit_list },

    { NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};
