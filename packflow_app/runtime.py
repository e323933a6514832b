"""The one door to the runtime: puts the carried copy on ``sys.path`` and hands on what the rooms use."""

from __future__ import annotations

import sys

from packflow_app.runtime_wheel import runtime_import_path, runtime_wheel

sys.path.insert(0, str(runtime_import_path()))

from packflow_runtime import __version__ as runtime_version
from packflow_runtime.archive import ENTRY_POINT, Archive, extract, is_archive, open_archive
from packflow_runtime.archive_demands import DEMANDS, Unmet, demands_of, unmet_demands
from packflow_runtime.cache_contents import CacheContents, Cleaned, cache_contents
from packflow_runtime.cache_contents import clean as clean_cache
from packflow_runtime.cached_copies import CACHE_VARIABLE, cache_root, refuse_shared
from packflow_runtime.codec import choose_codec
from packflow_runtime.commands.cache import shown_age, shown_size
from packflow_runtime.commands.run import DESCRIPTION as RUN_DESCRIPTION
from packflow_runtime.commands.run import add_options_outside as add_run_command
from packflow_runtime.commands.serve import DESCRIPTION as SERVE_DESCRIPTION
from packflow_runtime.commands.serve import add_options as add_serve_command
from packflow_runtime.compression import PlainReader
from packflow_runtime.differences import Comparison, FieldDifference, Mismatch
from packflow_runtime.envelope import COMMAND_VARIABLE
from packflow_runtime.environment_start import runtime_start
from packflow_runtime.environments import python_in
from packflow_runtime.equality import Rule, compare
from packflow_runtime.errors import ExitCode, PackflowError
from packflow_runtime.golden import GOLDEN_DIR, GoldenEvents, read_golden
from packflow_runtime.golden import INPUTS as GOLDEN_INPUTS_NAME
from packflow_runtime.golden import OUTPUTS as GOLDEN_OUTPUTS_NAME
from packflow_runtime.jsonlines import (
    DEFAULT_LIMITS,
    BadLineError,
    Event,
    Limits,
    decode_event,
    decode_value,
    encode,
    is_blank,
)
from packflow_runtime.kits import SUMS_NAME, WHEELS
from packflow_runtime.manifest import (
    DRY_RUN_NAME,
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    INFO_DIR,
    INPUT_SCHEMA_NAME,
    LOCK_NAME,
    MANIFEST_NAME,
    OUTPUT_SCHEMA_NAME,
    PROJECT_DIR,
    RUNTIME_DIR,
    SBOM_NAME,
    FileRecord,
    Manifest,
    Parity,
    Provenance,
    canonical_json,
    parse_manifest,
)
from packflow_runtime.model_comparison import (
    Difference,
    FieldChange,
    ModelComparison,
    comparison_data,
    describe_models,
    difference,
    size_text,
)
from packflow_runtime.native import child_path
from packflow_runtime.outputs import ERROR_KEY
from packflow_runtime.pickle_containers import list_pickles
from packflow_runtime.pickle_findings import PickleQuestion, project_globals, questions_about
from packflow_runtime.pickle_listing import PickleListing
from packflow_runtime.portable_names import ArchiveFormatError, check_clashes, check_name, check_names
from packflow_runtime.progress import SIZE as PROGRESS_SIZE
from packflow_runtime.project import (
    CONFIG_FILE,
    NAME_PATTERN,
    ProjectConfig,
    ProjectConfigError,
    parse_project_config,
    read_config_bytes,
    read_project_config,
)
from packflow_runtime.protocol import EVENTS_PER_FRAME, read_frame, write_frame
from packflow_runtime.public_keys import (
    KeyInvalidError,
    PublicKey,
    keys_given,
    parse_public_key,
    read_public_key,
)
from packflow_runtime.python_versions import satisfies
from packflow_runtime.run_plan import PlannedRun, batch_run, planned_runs
from packflow_runtime.shrinking import fewest
from packflow_runtime.signature_bundles import (
    BUNDLE_TYPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    SignatureInvalidError,
    der_signature,
    parse_der_signature,
    read_signature,
    signed_bytes,
    subject_digest,
)
from packflow_runtime.signatures import SIGNATURE_SUFFIX, SignatureCheck, check_signature, signed_file
from packflow_runtime.stdio import write_all
from packflow_runtime.stream import LineReader
from packflow_runtime.verification import ArchiveFault, Verification
from packflow_runtime.verification import verify as verify_archive
from packflow_runtime.yaml_subset import Node as YamlNode
from packflow_runtime.yaml_subset import parse as parse_yaml
from packflow_runtime.zip_writer import SourceChangedError, Writer

__all__ = [
    "BUNDLE_TYPE",
    "CACHE_VARIABLE",
    "COMMAND_VARIABLE",
    "CONFIG_FILE",
    "DEFAULT_LIMITS",
    "DEMANDS",
    "DRY_RUN_NAME",
    "ENTRY_POINT",
    "ERROR_KEY",
    "EVENTS_PER_FRAME",
    "GOLDEN_DIR",
    "GOLDEN_INPUTS",
    "GOLDEN_INPUTS_NAME",
    "GOLDEN_OUTPUTS",
    "GOLDEN_OUTPUTS_NAME",
    "INFO_DIR",
    "INPUT_SCHEMA_NAME",
    "LOCK_NAME",
    "MANIFEST_NAME",
    "NAME_PATTERN",
    "OUTPUT_SCHEMA_NAME",
    "PAYLOAD_TYPE",
    "PREDICATE_TYPE",
    "PROGRESS_SIZE",
    "PROJECT_DIR",
    "RUNTIME_DIR",
    "RUN_DESCRIPTION",
    "SBOM_NAME",
    "SERVE_DESCRIPTION",
    "SIGNATURE_SUFFIX",
    "STATEMENT_TYPE",
    "SUMS_NAME",
    "WHEELS",
    "Archive",
    "ArchiveFault",
    "ArchiveFormatError",
    "BadLineError",
    "CacheContents",
    "Cleaned",
    "Comparison",
    "Difference",
    "Event",
    "ExitCode",
    "FieldChange",
    "FieldDifference",
    "FileRecord",
    "GoldenEvents",
    "KeyInvalidError",
    "Limits",
    "LineReader",
    "Manifest",
    "Mismatch",
    "ModelComparison",
    "PackflowError",
    "Parity",
    "PickleListing",
    "PickleQuestion",
    "PlainReader",
    "PlannedRun",
    "ProjectConfig",
    "ProjectConfigError",
    "Provenance",
    "PublicKey",
    "Rule",
    "SignatureCheck",
    "SignatureInvalidError",
    "SourceChangedError",
    "Unmet",
    "Verification",
    "Writer",
    "YamlNode",
    "add_run_command",
    "add_serve_command",
    "batch_run",
    "cache_contents",
    "cache_root",
    "canonical_json",
    "check_clashes",
    "check_name",
    "check_names",
    "check_signature",
    "child_path",
    "choose_codec",
    "clean_cache",
    "compare",
    "comparison_data",
    "decode_event",
    "decode_value",
    "demands_of",
    "der_signature",
    "describe_models",
    "difference",
    "encode",
    "extract",
    "fewest",
    "is_archive",
    "is_blank",
    "keys_given",
    "list_pickles",
    "open_archive",
    "parse_der_signature",
    "parse_manifest",
    "parse_project_config",
    "parse_public_key",
    "parse_yaml",
    "planned_runs",
    "project_globals",
    "python_in",
    "questions_about",
    "read_config_bytes",
    "read_frame",
    "read_golden",
    "read_project_config",
    "read_public_key",
    "read_signature",
    "refuse_shared",
    "runtime_import_path",
    "runtime_start",
    "runtime_version",
    "runtime_wheel",
    "satisfies",
    "shown_age",
    "shown_size",
    "signed_bytes",
    "signed_file",
    "size_text",
    "subject_digest",
    "unmet_demands",
    "verify_archive",
    "write_all",
    "write_frame",
]
