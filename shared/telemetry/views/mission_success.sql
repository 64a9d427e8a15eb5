-- Missions that ended on each day (UTC), and the share that is DONE of those that nobody cancelled.
SELECT
  DATE(ended_at) AS day,
  COUNT(*) AS missions,
  COUNTIF(status = 'DONE') AS done,
  COUNTIF(status = 'FAILED') AS failed,
  COUNTIF(status = 'CANCELLED') AS cancelled,
  SAFE_DIVIDE(COUNTIF(status = 'DONE'), COUNTIF(status != 'CANCELLED')) AS success_rate
FROM `{dataset}.missions_once`
GROUP BY day
ORDER BY day
