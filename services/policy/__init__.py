"""Policy: given these facts, what is the plan?

Owns: policies and their versions.
Answers: PolicyService (to people who administer), EvaluationService (to requests).
Publishes: PolicyCreated, PolicyUpdated, PolicyDeleted, AuditHeadSigned.
Follows: nothing.
Calls: catalog, before a policy is deleted and to check who could approve; never to evaluate.
"""
