"""Runs inside the build environment: python in_build.py TREE MODULE...; compiles TREE/aioquic/MODULE.py in place."""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

DIRECTIVES = {
    "language_level": 3,
    "binding": True,  # methods stay what Python takes for methods
    "always_allow_keywords": True,
    "nonecheck": True,  # None where a type was declared is an AttributeError, as in Python
    "annotation_typing": False,  # some of aioquic's annotations leave out None, and must not become checks
}


def main(tree: str, *modules: str) -> None:
    os.chdir(tree)
    extensions = [
        Extension(f"aioquic.{name.replace('/', '.')}", [f"aioquic/{name}.py"], extra_compile_args=["-O3", "-g0", "-w"])
        for name in modules
    ]
    compiled = cythonize(extensions, nthreads=os.cpu_count() or 1, quiet=True, compiler_directives=DIRECTIVES)
    buffer = Extension("aioquic._buffer", ["aioquic/_buffer.c"], extra_compile_args=["-std=c99", "-O3", "-g0", "-w"])
    setup(
        name="aioquic-accelerated",
        script_args=["--quiet", "build_ext", "--inplace", f"--parallel={os.cpu_count() or 1}"],
        ext_modules=[*compiled, buffer],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
