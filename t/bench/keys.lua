-- Copyright (C) ngx_http_registry_module authors
--
-- wrk script: cycles over the keys of store.pl's LIST.  The requests are built
-- once, so that the client costs the same however many keys there are.
--
--     wrk -s keys.lua URL -- LIST [DELAY]
--
-- With a DELAY each connection waits so many milliseconds before a request.

local requests = {}
local next_one = 0

function init(args)
    for line in io.lines(args[1]) do
        local path, authorization = line:match("^(%S+)\t([^\t]+)\t")

        wrk.headers["Authorization"] = authorization
        requests[#requests + 1] = wrk.format("GET", path)
    end

    -- wrk asks for it after this, if it is there at all

    if args[2] then
        local pause = tonumber(args[2])

        function delay()
            return pause
        end
    end
end

function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end
