# Every value of every event as a line: its path (array indices as []), its type, and itself where it is a scalar.
# The table of types whose digests test_profiling.py holds, from a file FILE of events:
#   jq -r -f event_values.jq FILE | cut -f 1,2 | LC_ALL=C sort | uniq -c | sed -E 's/^ *([0-9]+) (.*)$/\2\t\1/' | LC_ALL=C sort
(if type == "array" then .[] else . end)
| paths as $path
| getpath($path) as $value
| [ ($path | map(if type == "number" then "[]" else . end) | tojson)
  , ($value | type)
  , ($value | if type == "array" or type == "object" then "" else tojson end)
  ] | @tsv
