-- Copyright (C) ngx_http_registry_module authors
--
-- wrk script: each connection waits before a request, so many milliseconds in
-- the mean, and not all of them in step.
--
--     wrk -s pause.lua URL -- DELAY

local pause

function init(args)
    pause = tonumber(args[1])
end

function delay()
    return math.random(0, 2 * pause)
end
