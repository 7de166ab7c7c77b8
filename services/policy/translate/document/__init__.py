"""Policies as YAML, which people keep in Git.

    policies:
      - name: Production
        rules:
          - name: Short
            when: duration <= duration("4h")
            steps:
              - approve: manager
          - name: Emergency
            when: emergency
            apps: [app_…]
            steps:
              - approve:
                  by: grp_…
                  fallback: app owners
                  needed: 2
                  reason_to_deny: true
                  time_limit:
                    after: 30m
                    escalate_to: On call
        baseline:
          - reject: Not without an emergency.

Steps are `accept`, `reject: why`, `approve: whom`, `wait: 2h`, and `wait` with `until` and
`timeout`. Approvers are `manager`, `manager 2` (that one's), `app owners`, `entitlement owners`, a
group or a person by their id, a list of people, or `expression: …`. What is at its default is left
out.
"""
