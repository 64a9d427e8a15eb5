-- Missions that have ended, each once, as it ended last.
SELECT *
FROM `{dataset}.missions`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY mission_id ORDER BY happened_at DESC, event_id DESC) = 1
