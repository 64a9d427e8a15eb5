-- Committed slices and published reports, each once.
SELECT *
FROM `{dataset}.slices`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY happened_at DESC, event_id DESC) = 1
