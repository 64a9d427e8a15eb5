-- Tokens by role and model, with how often a role's answer was rejected.
SELECT
  role,
  model,
  COUNT(*) AS requests,
  SUM(COALESCE(input_tokens, 0)) AS input_tokens,
  SUM(COALESCE(output_tokens, 0)) AS output_tokens,
  SUM(COALESCE(cached_tokens, 0)) AS cached_tokens,
  COUNTIF(outcome = 'rejected') AS rejected
FROM `{dataset}.model_calls_once`
GROUP BY role, model
ORDER BY role, model
