-- Copyright (C) ngx_http_registry_module authors
--
-- The peer on lua-nginx-module: the job that the registry gateway does, written
-- as its experts write it: FFI only, nothing that the JIT compiler refuses on
-- the hot path, identities parsed once and kept in a cache of the worker.
--
--     init_by_lua    load(FILE, SECONDS)   store.pl's records to shared memory
--     access_by_lua  access()              key, scope, counter
--
-- SECONDS is how long a worker may go by what it read of a record.  With 0 it
-- asks shared memory for every request, and keeps only what cannot change: the
-- hash of a key, and what a record's text means.

local ffi = require "ffi"
local lrucache = require "resty.lrucache"

local C = ffi.C
local byte, find, sub = string.byte, string.find, string.sub
local decode_base64 = ngx.decode_base64
local get_method = ngx.req.get_method
local search = ngx.re.find
local time = ngx.time
local var = ngx.var

ffi.cdef [[
unsigned char *SHA256(const unsigned char *data, size_t len,
    unsigned char *digest);
]]

local CACHE_SIZE = 10000

local KEY = [[^ngr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$]]

local PATH = [[^/v2/([a-z0-9][a-z0-9._/-]*)/(?:manifests|blobs)/]]
             .. [[[a-zA-Z0-9_][a-zA-Z0-9._:-]{0,135}$]]

local ACTIONS = { GET = "pull", HEAD = "pull", PUT = "push", POST = "push",
                  PATCH = "push", DELETE = "delete" }

local records = ngx.shared.records
local counters = ngx.shared.counters
local hashes = lrucache.new(CACHE_SIZE)         -- by Authorization
local identities = lrucache.new(CACHE_SIZE)     -- by record
local recent = lrucache.new(CACHE_SIZE)         -- by Authorization
local cache_seconds = 0
local digest = ffi.new("unsigned char[32]")

local _M = {}


local function hex(text)
    return (text:gsub(".", function(c)
        return string.format("%02x", byte(c))
    end))
end


function _M.load(file, seconds)
    cache_seconds = seconds

    for line in io.lines(file) do
        local hash, record = line:match("^(%x+) (.+)$")
        local ok, err = records:safe_set(hash, record)

        if not ok then
            error("lua_shared_dict records: " .. err)
        end
    end
end


-- "repository:acme/**:pull" to something that is cheap to match.

local function scope(text)
    local pattern, actions = text:match("^repository:(.+):([^:]+)$")
    local prefix = pattern:match("^([^*]*)%*%*$")
    local granted = {}

    for action in actions:gmatch("[^,]+") do
        granted[action] = true
    end

    if prefix then
        return { prefix = prefix, len = #prefix, granted = granted }
    end

    -- anything but a prefix becomes an expression

    local expression = pattern:gsub("[%.%-]", "\\%0"):gsub("%*%*", "\0")
                       :gsub("%*", "[^/]*"):gsub("%z", ".*")

    return { expression = "^" .. expression .. "$", granted = granted }
end


local function hash_of(authorization)
    if sub(authorization, 1, 6) ~= "Basic " then
        return nil
    end

    local user = decode_base64(sub(authorization, 7))
    local colon = user and find(user, ":", 1, true)

    if not colon then
        return nil
    end

    local key = sub(user, colon + 1)

    if not search(key, KEY, "jo") then
        return nil
    end

    C.SHA256(key, #key, digest)

    return hex(ffi.string(digest, 32))
end


local function identity_of(record)
    local tenant, expires, scopes = record:match("^(%S+) (%d+) (.+)$")
    local identity = { tenant = tenant, expires = tonumber(expires),
                       pull = tenant .. " pull", push = tenant .. " push",
                       delete = tenant .. " delete" }

    for text in scopes:gmatch("%S+") do
        identity[#identity + 1] = scope(text)
    end

    return identity
end


local function identify(authorization)
    local hash = hashes:get(authorization)

    if not hash then
        hash = hash_of(authorization)

        if not hash then
            return nil
        end

        hashes:set(authorization, hash)
    end

    local record = records:get(hash)

    if not record then
        return nil
    end

    local identity = identities:get(record)

    if not identity then
        identity = identity_of(record)
        identities:set(record, identity)
    end

    return identity
end


local function grants(identity, repository, action)
    for i = 1, #identity do
        local one = identity[i]

        if one.granted[action] then
            if one.prefix then
                if sub(repository, 1, one.len) == one.prefix then
                    return true
                end

            elseif search(repository, one.expression, "jo") then
                return true
            end
        end
    end

    return false
end


local function refuse(status, code)
    local body = '{"errors":[{"code":"' .. code .. '","message":"refused"}]}'

    if status == 401 then
        ngx.header["WWW-Authenticate"] = 'Basic realm="registry"'
    end

    ngx.header["Content-Type"] = "application/json"
    ngx.header["Content-Length"] = #body
    ngx.status = status
    ngx.print(body)

    return ngx.exit(status)
end


function _M.access()
    local uri = var.request_uri
    local first, last = search(uri, PATH, "jo", nil, 1)

    if not first then
        return refuse(404, "UNSUPPORTED")
    end

    local action = ACTIONS[get_method()]

    if not action then
        return refuse(405, "UNSUPPORTED")
    end

    local authorization = var.http_authorization

    if not authorization then
        return refuse(401, "UNAUTHORIZED")
    end

    local identity = cache_seconds > 0 and recent:get(authorization)

    if not identity then
        identity = identify(authorization)

        if not identity then
            return refuse(401, "UNAUTHORIZED")
        end

        if cache_seconds > 0 then
            recent:set(authorization, identity, cache_seconds)
        end
    end

    if identity.expires <= time() then
        return refuse(401, "UNAUTHORIZED")
    end

    if not grants(identity, sub(uri, first, last), action) then
        return refuse(403, "DENIED")
    end

    -- Authorization is taken away by proxy_set_header, which is cheapest

    counters:incr(identity[action], 1, 0)
end


return _M
