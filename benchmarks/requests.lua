-- For wrk: posts the lines of a file, each a path, a tab and a form, in turn; ends with a line of
-- JSON. Arguments: the file, the mean pause of a connection before a request in milliseconds, and
-- the line to begin with.
local requests, place, pause = {}, 0, 0

function init(args)
  local headers = {["Content-Type"] = "application/x-www-form-urlencoded"}
  for line in io.lines(args[1]) do
    local path, form = line:match("^([^\t]*)\t(.*)$")
    requests[#requests + 1] = wrk.format("POST", path, headers, form)
  end
  pause = tonumber(args[2])
  place = tonumber(args[3]) % #requests
  math.randomseed(place + 1)
  if pause == 0 then delay = nil end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function delay()
  return math.floor(2 * pause * math.random() + 0.5)
end

-- Quantiles of all times, from which those of several runs together can be had: from each of 90
-- parts of a hundredth one, and of the slowest tenth one from each of 100 parts of a thousandth.
local function quantiles(latency)
  local times = {}
  for part = 0, 89 do times[#times + 1] = latency:percentile(part + 0.5) / 1e3 end
  for part = 0, 99 do times[#times + 1] = latency:percentile(90.05 + part / 10) / 1e3 end
  return table.concat(times, ", ")
end

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f, '
    .. '"quantiles": [%s]}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, quantiles(latency)))
end
