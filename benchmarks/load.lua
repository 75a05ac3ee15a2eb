-- Asks the URLs of a file, one a line and each in its turn, and tells what came back as one line of JSON.
-- What is no whole document of an answer counts as bad; benchmarks/load.py reads some answers in full as well.
local paths = {}
local at = 0
bad = 0

function init(arguments)
  for line in io.lines(arguments[1]) do paths[#paths + 1] = line end
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end

function response(status, headers, body)
  if status ~= 200 or body:sub(1, 29) ~= '{"schema_version":1,"ok":true' or body:sub(-2) ~= "}\n" then
    bad = bad + 1
  end
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

function done(summary, latency, requests)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("bad") end
  local e = summary.errors
  io.write(string.format(
    '{"answers":%d,"seconds":%.3f,"bytes":%d,"p50":%.6f,"p95":%.6f,"p99":%.6f,"max":%.6f,"lost":%d,"bad":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e6,
    latency:percentile(95) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6,
    e.connect + e.read + e.write + e.timeout, wrong))
end
