"""Citations: the provision, guidance, decision or policy that a rule stands on, written once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One citable source; `is_law` tells statute and statutory guidance from the council's own policy."""

    citation: str
    is_law: bool = True


CARE_ACT_S2 = Source("Care Act 2014, s.2(8)")
CARE_ACT_S20 = Source("Care Act 2014, s.20")
CARE_ACT_S31 = Source("Care Act 2014, s.31")
CARE_ACT_S32 = Source("Care Act 2014, s.32")
CARE_ACT_S33 = Source("Care Act 2014, s.33")
CHILDREN_ACT_S17A = Source("Children Act 1989, s.17A")
NHS_ACT_S1 = Source("National Health Service Act 2006, s.1(4)")
MENTAL_HEALTH_ACT_S117 = Source("Mental Health Act 1983, s.117")
DP_REGS_R3 = Source("Care and Support (Direct Payments) Regulations 2014 (SI 2014/2871), reg. 3")
PLAN_S7 = Source("Direct Payments Development Plan 2018-2023, s.7", is_law=False)
PLAN_S8 = Source("Direct Payments Development Plan 2018-2023, s.8", is_law=False)
PLAN_S11 = Source("Direct Payments Development Plan 2018-2023, s.11", is_law=False)
PLAN_APPENDIX_A = Source("Direct Payments Development Plan 2018-2023, Appendix A", is_law=False)
PLAN_APPENDIX_B = Source("Direct Payments Development Plan 2018-2023, Appendix B", is_law=False)
