"""Policy: given these facts, what is the plan?

Owns: policies and their versions.
Answers: PolicyService (to people who administer), EvaluationService (to requests).
Publishes: PolicyCreated.
Follows: nothing.
Calls: nobody.
"""
