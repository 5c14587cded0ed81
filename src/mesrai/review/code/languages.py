"""What each language looks like: its files, its comments, and the parts of its syntax that define and name things."""

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from mesrai.review.code.definitions import Kind
from mesrai.review.code.language import Imports, Language


def _kinds(**types: str) -> dict[str, Kind]:
    """Node types by kind, as one mapping from node type to kind."""
    return {name: Kind(kind.rstrip("_")) for kind, names in types.items() for name in names.split()}


_HASH: Final = ("#",)
_SLASHES: Final = ("//",)
_C_BLOCK: Final = (("/*", "*/"),)
_SCRIPT_KINDS: Final = _kinds(
    function="function_declaration generator_function_declaration function_signature method_definition "
    "abstract_method_signature method_signature",
    class_="class_declaration abstract_class_declaration",
    interface="interface_declaration",
    enum="enum_declaration",
    type="type_alias_declaration",
    module="internal_module module",
)
_SCRIPT_VALUES: Final = "variable_declarator field_definition public_field_definition"
_SCRIPT_BINDINGS: Final = "assignment_expression pair"
_SCRIPT_FUNCTIONS: Final = "arrow_function function_expression generator_function class"
_SCRIPT_NAMES: Final = (
    "identifier property_identifier type_identifier private_property_identifier shorthand_property_identifier"
)
_SCRIPT_IMPORT: Final = (
    r"^\s*(?:(?:const|let|var)\s[^=]{1,300}=\s*)?(?:require|import)\s*\(\s*['\"]|^export\b[^'\"]{1,300}\bfrom\s*['\"]"
)
_C_KINDS: Final = _kinds(
    function="function_definition",
    class_="struct_specifier union_specifier",
    enum="enum_specifier",
    type="type_definition",
    macro="preproc_def preproc_function_def",
)

PYTHON: Final = Language(
    name="python",
    suffixes=".py .pyi .pyw .bzl .star",
    filenames="sconstruct sconscript wscript",
    interpreters="python pypy",
    line_comments=_HASH,
    grammar="tree_sitter_python",
    kinds=_kinds(function="function_definition", class_="class_definition", type="type_alias_statement"),
    values="assignment",
    functions="lambda",
    opaque="argument_list list tuple set return_statement",
    leads="decorator",
    imports="import_statement import_from_statement future_import_statement",
    import_style=Imports.DOTTED,
)
JAVASCRIPT: Final = Language(
    name="javascript",
    suffixes=".js .jsx .mjs .cjs",
    interpreters="node",
    family="script",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_javascript",
    kinds=_SCRIPT_KINDS,
    values=_SCRIPT_VALUES,
    bindings=_SCRIPT_BINDINGS,
    functions=_SCRIPT_FUNCTIONS,
    leads="decorator",
    names=_SCRIPT_NAMES,
    imports="import_statement",
    import_line=_SCRIPT_IMPORT,
)
TYPESCRIPT: Final = replace(
    JAVASCRIPT,
    name="typescript",
    suffixes=".ts .mts .cts",
    interpreters="deno ts-node tsx bun",
    grammar="tree_sitter_typescript",
    loader="language_typescript",
)
TSX: Final = replace(TYPESCRIPT, name="tsx", suffixes=".tsx", interpreters="", loader="language_tsx")
VUE: Final = replace(
    TYPESCRIPT,
    name="vue",
    suffixes=".vue .svelte",
    interpreters="",
    block_comments=(("<!--", "-->"), *_C_BLOCK),
    within="script",
)
GO: Final = Language(
    name="go",
    suffixes=".go",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_go",
    kinds=_kinds(function="function_declaration method_declaration method_elem", type="type_spec type_alias"),
    values="const_spec var_spec",
    functions="func_literal",
    opaque="selector_expression import_spec_list",
    names="identifier field_identifier type_identifier package_identifier",
    imports="import_declaration",
)
JAVA: Final = Language(
    name="java",
    suffixes=".java",
    family="jvm",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_java",
    nests_angles=True,
    kinds=_kinds(
        function="method_declaration constructor_declaration compact_constructor_declaration "
        "annotation_type_element_declaration",
        class_="class_declaration record_declaration",
        interface="interface_declaration annotation_type_declaration",
        enum="enum_declaration",
    ),
    values="field_declaration constant_declaration enum_constant",
    functions="lambda_expression",
    opaque="modifiers",
    names="identifier type_identifier",
    imports="import_declaration",
    import_style=Imports.DOTTED,
)
RUBY: Final = Language(
    name="ruby",
    suffixes=".rb .rake .gemspec .ru .jbuilder",
    filenames="gemfile rakefile guardfile podfile fastfile vagrantfile",
    interpreters="ruby jruby",
    line_comments=_HASH,
    block_comments=(("=begin", "=end"),),
    grammar="tree_sitter_ruby",
    kinds=_kinds(function="method singleton_method", class_="class singleton_class", module="module"),
    values="assignment",
    functions="lambda do_block block",
    names="identifier constant simple_symbol",
    call="call",
    import_line=r"^\s*(?:require|require_relative|load|autoload)\b[\s(]",
)
RUST: Final = Language(
    name="rust",
    suffixes=".rs",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_rust",
    kinds=_kinds(
        function="function_item function_signature_item",
        class_="struct_item union_item impl_item",
        interface="trait_item",
        enum="enum_item",
        type="type_item",
        module="mod_item",
        macro="macro_definition",
    ),
    values="const_item static_item",
    functions="closure_expression",
    opaque="token_tree",
    bodied="mod_item",
    leads="attribute_item",
    names="identifier type_identifier field_identifier shorthand_field_identifier",
    imports="use_declaration extern_crate_declaration",
    import_style=Imports.COLONS,
)
C: Final = Language(
    name="c",
    suffixes=".c .h",
    family="c",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_c",
    kinds=_C_KINDS,
    values="declaration",
    opaque="call_expression binary_expression parenthesized_expression return_statement",
    bodied="struct_specifier union_specifier enum_specifier",
    names="identifier field_identifier type_identifier",
    imports="preproc_include",
)
CPP: Final = Language(
    name="cpp",
    suffixes=".cc .cpp .cxx .c++ .hh .hpp .hxx .h++ .ipp .inl .tpp .cu .cuh",
    family="c",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_cpp",
    kinds=_C_KINDS
    | _kinds(class_="class_specifier", type="alias_declaration concept_definition", module="namespace_definition"),
    values="declaration field_declaration",
    functions="lambda_expression",
    bodied="struct_specifier union_specifier enum_specifier class_specifier",
    leads="template_parameter_list",
    names="identifier field_identifier type_identifier namespace_identifier",
    imports="preproc_include",
)
CSHARP: Final = Language(
    name="csharp",
    suffixes=".cs .csx",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_c_sharp",
    nests_angles=True,
    kinds=_kinds(
        function="method_declaration constructor_declaration destructor_declaration operator_declaration "
        "conversion_operator_declaration indexer_declaration local_function_statement",
        class_="class_declaration struct_declaration record_declaration",
        interface="interface_declaration",
        enum="enum_declaration",
        type="delegate_declaration",
        module="namespace_declaration",
    ),
    values="field_declaration property_declaration event_declaration event_field_declaration",
    functions="lambda_expression anonymous_method_expression",
    imports="using_directive",
    import_style=Imports.DOTTED,
)
PHP: Final = Language(
    name="php",
    suffixes=".php .phtml .inc .php5 .phps",
    interpreters="php",
    line_comments=("//", "#"),
    block_comments=_C_BLOCK,
    grammar="tree_sitter_php",
    loader="language_php",
    kinds=_kinds(
        function="function_definition method_declaration",
        class_="class_declaration trait_declaration",
        interface="interface_declaration",
        enum="enum_declaration",
        module="namespace_definition",
    ),
    values="const_declaration property_declaration",
    functions="anonymous_function arrow_function",
    bodied="namespace_definition",
    names="name",
    imports="namespace_use_declaration",
    import_line=r"^\s*(?:require|include)(?:_once)?\b",
    import_style=Imports.BACKSLASHES,
)
KOTLIN: Final = Language(
    name="kotlin",
    suffixes=".kt .kts",
    interpreters="kotlin",
    family="jvm",
    line_comments=_SLASHES,
    block_comments=_C_BLOCK,
    grammar="tree_sitter_kotlin",
    kinds=_kinds(
        function="function_declaration secondary_constructor",
        class_="class_declaration object_declaration companion_object",
        type="type_alias",
    ),
    values="property_declaration",
    functions="lambda_literal anonymous_function",
    imports="import",
    import_style=Imports.DOTTED,
)

PLAIN: Final = Language(name="text", is_code=False)

# Languages without a grammar here: enough to tell their comments.
_OTHERS: Final = tuple(
    Language(
        name=name, suffixes=suffixes, interpreters=programs, line_comments=tuple(line.split()), block_comments=block
    )
    for name, suffixes, programs, line, block in (
        ("shell", ".sh .bash .zsh .ksh .fish .bats", "sh bash zsh ksh dash fish", "#", ()),
        ("powershell", ".ps1 .psm1 .psd1", "pwsh", "#", (("<#", "#>"),)),
        ("perl", ".pl .pm .t", "perl", "#", ()),
        ("swift", ".swift", "swift", "//", _C_BLOCK),
        ("scala", ".scala .sc .sbt", "scala", "//", _C_BLOCK),
        ("groovy", ".groovy .gradle", "groovy", "//", _C_BLOCK),
        ("dart", ".dart", "dart", "//", _C_BLOCK),
        ("objective-c", ".m .mm", "", "//", _C_BLOCK),
        ("zig", ".zig", "", "//", ()),
        ("solidity", ".sol", "", "//", _C_BLOCK),
        ("protobuf", ".proto", "", "//", _C_BLOCK),
        ("graphql", ".graphql .gql", "", "#", ()),
        ("lua", ".lua", "lua luajit", "--", (("--[[", "]]"),)),
        ("sql", ".sql .ddl .dml", "", "--", _C_BLOCK),
        ("haskell", ".hs .lhs", "runhaskell", "--", (("{-", "-}"),)),
        ("elm", ".elm", "", "--", (("{-", "-}"),)),
        ("elixir", ".ex .exs", "elixir", "#", ()),
        ("erlang", ".erl .hrl", "escript", "%", ()),
        ("clojure", ".clj .cljs .cljc .edn", "clojure", ";", ()),
        ("ocaml", ".ml .mli", "", "", (("(*", "*)"),)),
        ("fsharp", ".fs .fsx .fsi", "", "//", (("(*", "*)"),)),
        ("julia", ".jl", "julia", "#", (("#=", "=#"),)),
        ("r", ".r", "rscript", "#", ()),
        ("terraform", ".tf .hcl .tfvars", "", "# //", _C_BLOCK),
        ("nix", ".nix", "", "#", _C_BLOCK),
        ("css", ".css .scss .sass .less", "", "//", _C_BLOCK),
        ("make", ".mk", "make", "#", ()),
        ("cmake", ".cmake", "", "#", ()),
    )
)
_DATA: Final = tuple(
    Language(name=name, suffixes=suffixes, line_comments=tuple(line.split()), block_comments=block, is_code=False)
    for name, suffixes, line, block in (
        ("yaml", ".yml .yaml", "#", ()),
        ("toml", ".toml", "#", ()),
        ("ini", ".ini .cfg .conf .properties .env", "# ;", ()),
        ("json", ".json .jsonc .json5", "//", ()),
        ("xml", ".xml .xsd .xsl .html .htm .csproj .props", "", (("<!--", "-->"),)),
        ("markdown", ".md .mdx .rst .adoc .txt", "", (("<!--", "-->"),)),
    )
)
_FILENAMES: Final = {"makefile": "make", "gnumakefile": "make", "cmakelists.txt": "cmake", "justfile": "make"}

LANGUAGES: Final = (
    *(PYTHON, JAVASCRIPT, TYPESCRIPT, TSX, VUE, GO, JAVA, RUBY, RUST, C, CPP, CSHARP, PHP, KOTLIN),
    *_OTHERS,
    *_DATA,
)
_BY_SUFFIX: Final = {suffix: each for each in LANGUAGES for suffix in each.suffixes.split()}
CODE_SUFFIXES: Final = frozenset(suffix for suffix, each in _BY_SUFFIX.items() if each.is_code)
_BY_NAME: Final = {each.name: each for each in LANGUAGES}
_BY_FILENAME: Final = {name: each for each in LANGUAGES for name in each.filenames.split()} | {
    name: _BY_NAME[language] for name, language in _FILENAMES.items()
}
_BY_INTERPRETER: Final = {program: each for each in LANGUAGES for program in each.interpreters.split()}
_SHEBANG: Final = re.compile(r"#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(\S+)")
_IS_CPP: Final = re.compile(
    r"^\s*(?:class\s+\w|namespace\b|template\s*<|using\s+\w|(?:public|private|protected):)", re.M
)
_HEAD: Final = 60_000  # characters of a header in which C++ is looked for


def language_of(path: str, text: str = "") -> Language:
    """The language of a file; where the path does not tell, its first line may. PLAIN if nothing does."""
    found = _by_path(path)
    if found is None:
        return _by_first_line(text)
    if found is C and path.endswith(".h") and _IS_CPP.search(text, 0, _HEAD):
        return CPP
    return found


def endings_of(relatives: str) -> tuple[str, ...]:
    """The suffixes of all files whose languages use one another's definitions."""
    return tuple(suffix for each in LANGUAGES if each.relatives == relatives for suffix in each.suffixes.split())


@lru_cache(maxsize=4096)
def _by_path(path: str) -> Language | None:
    name = PurePosixPath(path).name
    suffix = PurePosixPath(path).suffix
    return _BY_FILENAME.get(name.lower()) or _BY_SUFFIX.get(suffix) or _BY_SUFFIX.get(suffix.lower())


def _by_first_line(text: str) -> Language:
    found = _SHEBANG.match(text[:200])
    if found is None:
        return PLAIN
    program = found[1].rsplit("/", 1)[-1].lower()
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(program.rstrip("0123456789.")) or PLAIN
