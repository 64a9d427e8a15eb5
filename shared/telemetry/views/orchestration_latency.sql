-- Seconds that missions of a day spent on neither track's work, their waiting, nor fusion: the platform's own share (median, p95).
WITH track_time AS (
  SELECT mission_id, track, SUM(seconds + wait_s) AS track_s
  FROM `{dataset}.slices_once`
  WHERE track != 'fusion'
  GROUP BY mission_id, track
),
longest AS (
  SELECT mission_id, MAX(track_s) AS track_s FROM track_time GROUP BY mission_id
),
fusion AS (
  SELECT mission_id, SUM(seconds) AS fusion_s
  FROM `{dataset}.slices_once`
  WHERE track = 'fusion' AND outcome = 'FINAL'
  GROUP BY mission_id
),
own AS (
  SELECT
    DATE(m.ended_at) AS day,
    GREATEST(0.0, m.total_s - COALESCE(l.track_s, 0.0) - COALESCE(f.fusion_s, 0.0)) AS orchestration_s
  FROM `{dataset}.missions_once` AS m
  LEFT JOIN longest AS l ON l.mission_id = m.mission_id
  LEFT JOIN fusion AS f ON f.mission_id = m.mission_id
  WHERE m.total_s IS NOT NULL
)
SELECT
  day,
  COUNT(*) AS missions,
  APPROX_QUANTILES(orchestration_s, 100)[OFFSET(50)] AS p50_s,
  APPROX_QUANTILES(orchestration_s, 100)[OFFSET(95)] AS p95_s
FROM own
GROUP BY day
ORDER BY day
