"""Variants: the joint call of point mutations over the donor and all passages."""
