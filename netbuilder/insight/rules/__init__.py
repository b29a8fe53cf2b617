"""Health rules: a module a rule, found by walking this package; each holds one `Rule`.

The limits are from the papers and programs that each rule's reference names, or were chosen so that the templates'
trainings, which are healthy, raise none; which of both it is stands at each limit.
"""
