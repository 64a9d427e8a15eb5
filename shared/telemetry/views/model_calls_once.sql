-- Requests to models, each once, in the state it came to last.
SELECT *
FROM `{dataset}.model_calls`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY request_id ORDER BY happened_at DESC, event_id DESC) = 1
