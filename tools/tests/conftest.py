from demo_workspace import demo

__all__ = ["demo"]
