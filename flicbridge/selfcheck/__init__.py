"""`flicbridge selfcheck`: what a support person asks first, and a remedy for each answer that is not good.

    case  ->  probes, one file per family, beside each other  ->  findings  ->  report, or a redacted bundle

A probe looks and never acts: no message is sent, no button is searched for, no lock is taken. It must not
raise, and if it does or hangs, that is a finding too (`examine`).
"""
