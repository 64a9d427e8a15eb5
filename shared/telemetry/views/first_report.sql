-- Seconds from a mission's start to its first usable report, partial or not, by day (median, p95).
SELECT
  DATE(ended_at) AS day,
  COUNT(first_report_s) AS missions,
  APPROX_QUANTILES(first_report_s, 100)[OFFSET(50)] AS p50_s,
  APPROX_QUANTILES(first_report_s, 100)[OFFSET(95)] AS p95_s
FROM `{dataset}.missions_once`
WHERE first_report_s IS NOT NULL
GROUP BY day
ORDER BY day
