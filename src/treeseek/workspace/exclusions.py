"""What is left out of any tree unless `.treeseekignore` says otherwise: tables of names.

A name alone must be proof enough: a wrong exclusion hides code, while a wrong inclusion only costs. So
`build` and `dist` aren't here, `venv` and `target` need the marker that their tool leaves in them, and
`vendor`, also a common name for a package of one's own, has to stand where a package manager puts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["METADATA", "bears_on_others", "content_reason", "directory_reason", "file_reason"]

METADATA = frozenset({b".git", b".hg", b".svn", b".jj"})
"""Version control's own directories (or files); never part of a tree."""

_VENDORED = frozenset({
    b"node_modules", b"bower_components", b"jspm_packages", b"site-packages", b"dist-packages", b".venv",
    b"_vendor", b"third_party", b"third-party", b"thirdparty", b"3rdparty", b".yarn",
})  # fmt: skip
_VENDORED_EXACTLY = frozenset({b"Pods", b"Carthage", b"Godeps"})
"""In lower case these are words of other trades."""
_CACHE = frozenset({
    b"__pycache__", b".tox", b".nox", b".eggs", b".gradle", b".mypy_cache", b".pytest_cache", b".ruff_cache",
    b".hypothesis", b".ipynb_checkpoints", b".sass-cache", b".parcel-cache", b".next", b".nuxt",
    b".svelte-kit", b".turbo", b".terraform", b".dart_tool", b".stack-work", b"dist-newstyle", b".zig-cache",
    b"zig-cache",
})  # fmt: skip

_MANIFESTS = frozenset({
    b"go.mod", b"composer.json", b"gemfile", b"package.json", b"cargo.toml", b"pyproject.toml", b"setup.py",
    b"makefile", b"cmakelists.txt", b"rakefile", b".git",
})  # fmt: skip
_ASSET_PARENTS = frozenset({b"assets", b"static", b"public", b"js", b"css", b"javascripts", b"stylesheets"})

_LOCKFILES = frozenset({
    b"package-lock.json", b"npm-shrinkwrap.json", b"yarn.lock", b"pnpm-lock.yaml", b"bun.lock", b"deno.lock",
    b"cargo.lock", b"go.sum", b"go.work.sum", b"poetry.lock", b"pdm.lock", b"uv.lock", b"pipfile.lock",
    b"gemfile.lock", b"composer.lock", b"mix.lock", b"pubspec.lock", b"podfile.lock", b"package.resolved",
    b"cartfile.resolved", b"flake.lock", b"packages.lock.json", b"gradle.lockfile", b"stack.yaml.lock",
    b".terraform.lock.hcl",
})  # fmt: skip

_GENERATED = (
    b".js.map", b".mjs.map", b".cjs.map", b".ts.map", b".css.map", b".min.map",
    b"_pb2.py", b"_pb2.pyi", b"_pb2_grpc.py", b"_pb.js", b"_pb.d.ts", b"_pb.rb",
    b".pb.go", b".pb.gw.go", b".pb.cc", b".pb.h", b".pb.swift", b".grpc.swift", b".pbobjc.h", b".pbobjc.m",
    b".g.dart", b".freezed.dart", b".mocks.dart", b".designer.cs", b".designer.vb", b".g.cs", b".g.i.cs",
)  # fmt: skip
_MINIFIED = (b".min.js", b".min.mjs", b".min.cjs", b".min.css", b"-min.js", b"-min.css")

_BINARY = frozenset(
    b"." + extension
    for extension in (
        b"png jpg jpeg jpe gif webp avif heic bmp tif tiff ico icns cur psd xcf tga dds ktx exr jp2 "
        b"mp3 mp4 m4a m4v mov avi mkv webm wav flac ogg ogv oga opus aac wma wmv flv mpg mpeg mid swf "
        b"ttf otf woff woff2 eot ttc pfb "
        b"zip gz tgz bz2 tbz2 xz txz zst lz4 lzma br 7z rar tar cab deb rpm apk aab ipa dmg iso img msi "
        b"whl egg jar war ear aar nupkg snupkg gem crx xpi vsix phar "
        b"o a so lo la lib obj dll exe dylib ko elf pdb class pyc pyo pyd beam elc wasm rlib rmeta gch dex "
        b"pdf doc docx xls xlsx xlsm ppt pptx odt ods odp epub mobi "
        b"db sqlite sqlite3 mdb accdb parquet arrow feather avro orc npy npz h5 hdf5 pkl pickle joblib rdb "
        b"pt pth ckpt onnx safetensors gguf tflite keras mlmodel "
        b"blend fbx glb 3ds stl p12 pfx jks keystore der bin lockb suo"
    ).split()
)  # fmt: skip
_BINARY_NAMES = frozenset({b".ds_store", b"thumbs.db"})


def directory_reason(name: bytes, parent: bytes, siblings: Collection[bytes]) -> str:
    """Return why a directory is left out by its name, or "".

    `parent` is the path of the directory that holds it, empty at the root; `siblings` are the names there.
    """
    lower = name.lower()
    if lower in _VENDORED or name in _VENDORED_EXACTLY:
        return "vendored"
    if lower in _CACHE:
        return "cache"
    if lower == b"vendor" and _is_vendor_place(parent, siblings):
        return "vendored"
    return ""


def _is_vendor_place(parent: bytes, siblings: Collection[bytes]) -> bool:
    """Whether a `vendor` here holds others' code: at the root, beside a manifest, among a site's assets."""
    return (
        not parent
        or parent.rstrip(b"/").rpartition(b"/")[2].lower() in _ASSET_PARENTS
        or any(name.lower() in _MANIFESTS for name in siblings)
    )


def content_reason(name: bytes, names: Collection[bytes]) -> str:
    """Return why a directory is left out by the `names` in it, or "": a tool has marked it as its own."""
    if b"pyvenv.cfg" in names:
        return "vendored"
    if b"CACHEDIR.TAG" in names or (name == b"target" and b".rustc_info.json" in names):
        return "cache"
    return ""


def bears_on_others(name: bytes, parent: bytes, siblings: Iterable[bytes]) -> bool:
    """Whether the mere presence of `name` can decide over the directory that holds it, or over one beside it.

    `parent` is the path of that directory, empty at the root; `siblings` are only gone through if need be.
    """
    if parent and content_reason(parent.rstrip(b"/").rpartition(b"/")[2], (name,)):
        return True
    if name.lower() not in _MANIFESTS or _is_vendor_place(parent, ()):
        return False
    return any(sibling.lower() == b"vendor" for sibling in siblings)


def file_reason(name: bytes) -> str:
    """Return why a file is left out by its name, or ""."""
    lower = name.lower()
    if lower[lower.rfind(b".") :] in _BINARY or lower in _BINARY_NAMES:
        return "binary"
    if lower in _LOCKFILES:
        return "lockfile"
    if lower.endswith(_GENERATED):
        return "generated"
    return "minified" if lower.endswith(_MINIFIED) else ""
