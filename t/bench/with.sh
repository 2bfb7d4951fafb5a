# Copyright (C) ngx_http_registry_module authors
#
# For parts that compare gateways with more directives: gateway_conf of
# gateways.sh is plain_gateway_conf here, and theirs is gateway_conf.

eval "$(declare -f gateway_conf | sed '1s/gateway_conf/plain_gateway_conf/')"


# registry_with HTTP LOCATION KIND COUNT PORT, on $base where that is not registry

registry_with() {
    local http=$1 location=$2

    shift 2
    plain_gateway_conf "${base-registry}" "${@:2}" | HTTP=$http LOCATION=$location perl -pe '
        s/^http \{/http { $ENV{HTTP}/;
        s/registry on;/registry on; $ENV{LOCATION}/'
}
