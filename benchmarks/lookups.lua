-- For wrk: posts the lines of a file as forms, in turn, and ends with a line of JSON.
-- Arguments: the file, and the mean pause of a connection before a request in milliseconds.
local requests, place, pause = {}, 0, 0

function init(args)
  local headers = {["Content-Type"] = "application/x-www-form-urlencoded"}
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", "/v2/lookup", headers, line)
  end
  pause = tonumber(args[2])
  if pause == 0 then delay = nil end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function delay()
  return math.floor(2 * pause * math.random() + 0.5)
end

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
