-- US dollars that requests to models were settled at, by day (UTC), track and model.
SELECT
  DATE(happened_at) AS day,
  track,
  model,
  COUNT(*) AS requests,
  SUM(cost_micro_usd) / 1000000 AS usd
FROM `{dataset}.model_calls_once`
GROUP BY day, track, model
ORDER BY day, track, model
