-- What went wrong on each day (UTC), by where and by type: failed missions and slices, requests to models without a usable answer.
SELECT DATE(ended_at) AS day, 'mission' AS place, error AS type, COUNT(*) AS times
FROM `{dataset}.missions_once`
WHERE error IS NOT NULL
GROUP BY day, place, type
UNION ALL
SELECT DATE(happened_at) AS day, track AS place, error AS type, COUNT(*) AS times
FROM `{dataset}.slices_once`
WHERE error IS NOT NULL
GROUP BY day, place, type
UNION ALL
SELECT DATE(happened_at) AS day, CONCAT('model ', model) AS place, outcome AS type, COUNT(*) AS times
FROM `{dataset}.model_calls_once`
WHERE outcome != 'answered'
GROUP BY day, place, type
ORDER BY day, place, type
