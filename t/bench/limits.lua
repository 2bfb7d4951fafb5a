-- Copyright (C) ngx_http_registry_module authors
--
-- For wrk: limits.lua FIRST asks from one address after the other, from the
-- number FIRST on; prints "limits: requests requests/s p50-us p99-us errors".

local address


function init(args)
    address = tonumber(args[1])
end


function request()
    wrk.headers["X-Client"] = string.format("10.%d.%d.%d",
                                            math.floor(address / 65536) % 256,
                                            math.floor(address / 256) % 256,
                                            address % 256)
    address = address + 1

    return wrk.format()
end


function done(summary, latency)
    local errors = summary.errors

    print(string.format("limits: %d %.0f %.0f %.0f %d", summary.requests,
                        summary.requests / (summary.duration / 1e6),
                        latency:percentile(50), latency:percentile(99),
                        errors.connect + errors.read + errors.write
                        + errors.status + errors.timeout))
end
