# A root for the tests of the modules: each file of tests/ plans one module of infra/modules by itself.
