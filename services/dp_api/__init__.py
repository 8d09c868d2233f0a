"""The council's API: who is helped, why, how much, and to whom the money goes.

Its features stand in the declared order, `staff` lowest and `main` on top; each knows only those below it and the
shared floor, and none of the other two services.
"""
