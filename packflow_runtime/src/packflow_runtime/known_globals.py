"""The reviewed list: which globals honest model files need, and which ones run code.

Loading a pickle lets its author call every global in it with any positional arguments, construct its classes without
their constructor, hand them any state, and call the objects that result. A name is trusted here when nothing of that
reaches further than other trusted names: no code from text, no import by name, no attribute by name, no other file, no
network, no process. Functions are trusted by exact name only; classes also by the modules that define estimators, where
a name in CamelCase is taken for a class (a test looks at what those modules really hold). Everything else asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .dangerous_globals import DANGEROUS_MODULES, DANGEROUS_NAMES
from .pickle_values import UNKNOWN


class Verdict(Enum):
    """What may happen with a global."""

    TRUSTED = "trusted"
    ASK = "ask"  # needs --trust-pickle NAME, or a yes
    DANGEROUS = "dangerous"  # runs code or reaches out; only --trust-pickle with its exact name lets it pass


@dataclass(frozen=True)
class Judgement:
    """The verdict on a global, and why."""

    name: str
    verdict: Verdict
    reason: str = ""


_UFUNCS = (
    "absolute add arccos arcsin arctan cbrt ceil clip conjugate cos cosh deg2rad divide equal exp exp2 expm1 fabs "
    "floor greater hypot isfinite isinf isnan less log log10 log1p log2 logaddexp maximum minimum multiply negative "
    "power rad2deg reciprocal rint sign sin sinh sqrt square subtract tan tanh true_divide trunc"
)
_SCALARS = (
    "bool bool_ bytes_ complex128 complex64 datetime64 float16 float32 float64 int16 int32 int64 int8 longdouble "
    "longlong object_ str_ timedelta64 uint16 uint32 uint64 uint8 ulonglong void intc uintc"
)
_MULTIARRAY = "_reconstruct scalar"
_SPARSE = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
_STORAGES = (
    "BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage ComplexFloatStorage DoubleStorage "
    "FloatStorage HalfStorage IntStorage LongStorage QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage "
    "QUInt8Storage ShortStorage UntypedStorage"
)
_TORCH_DTYPES = (
    "bfloat16 bool complex128 complex32 complex64 float16 float32 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
    "float8_e5m2fnuz float8_e8m0fnu int16 int32 int64 int8 qint32 qint8 quint2x4 quint4x2 quint8 uint16 uint32 uint64 "
    "uint8 contiguous_format preserve_format channels_last per_channel_affine per_channel_affine_float_qparams "
    "per_channel_symmetric per_tensor_affine per_tensor_symmetric"
)
_TORCH_REBUILD = (
    "_rebuild_device_tensor_from_cpu_tensor _rebuild_device_tensor_from_numpy _rebuild_meta_tensor_no_storage "
    "_rebuild_nested_tensor _rebuild_parameter _rebuild_parameter_with_state _rebuild_qtensor "
    "_rebuild_sparse_csr_tensor _rebuild_sparse_tensor _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3"
)
_PANDAS_INDEXES = "CategoricalIndex DatetimeIndex Index IntervalIndex MultiIndex PeriodIndex RangeIndex TimedeltaIndex"
_SCORES = (
    "accuracy_score average_precision_score balanced_accuracy_score brier_score_loss explained_variance_score f1_score "
    "log_loss max_error mean_absolute_error mean_squared_error precision_score r2_score recall_score roc_auc_score"
)

# Exact names by module. Of the less obvious ones: functools.partial and defaultdict call only what was resolved too;
# operator.itemgetter takes items, never attributes; Path objects open nothing by themselves; _codecs.encode is how
# protocols 0 to 2 spell bytes. The two Boosters can read a model file in their own format, which holds no code.
_EXACT = {
    "_codecs": "encode",
    "array": "_array_reconstructor array",
    "builtins": "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple",
    "collections": "ChainMap Counter OrderedDict UserDict UserList defaultdict deque",
    "copyreg": "__newobj__ __newobj_ex__ _reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "functools": "partial",
    "itertools": "count repeat",
    "logging": "getLogger",
    "operator": "itemgetter",
    "pathlib": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "pathlib._local": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "random": "Random",
    "re": "_compile compile RegexFlag",
    "types": "SimpleNamespace",
    "uuid": "SafeUUID UUID",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    "dateutil.tz.tz": "tzlocal tzoffset tzutc",
    "pytz": "_UTC _p",
    "numpy": f"dtype matrix max mean median min ndarray prod std sum var {_SCALARS} {_UFUNCS}",
    "numpy._core._multiarray_umath": _UFUNCS,
    "numpy._core.multiarray": _MULTIARRAY,
    "numpy._core.numeric": "_frombuffer",
    "numpy.core._multiarray_umath": _UFUNCS,
    "numpy.core.multiarray": _MULTIARRAY,
    "numpy.core.numeric": "_frombuffer",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "MaskedArray MaskedConstant _mareconstruct",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.polynomial.polynomial": "Polynomial",
    "numpy.random._generator": "Generator",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "numpy.random.mtrand": "RandomState",
    **{f"scipy.sparse._{form}": f"{form}_matrix {form}_array" for form in _SPARSE},
    **{f"scipy.sparse.{form}": f"{form}_matrix" for form in _SPARSE},
    "scipy.special._special_ufuncs": "expit logit erf gammaln log_ndtr xlogy",
    "scipy.special._ufuncs": "expit logit erf gammaln log_ndtr xlogy",
    "scipy.interpolate._interpolate": "interp1d",
    "scipy.interpolate._bsplines": "BSpline",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.metrics._classification": _SCORES,
    "sklearn.metrics._dist_metrics": "newObj",
    "sklearn.metrics._ranking": _SCORES,
    "sklearn.metrics._regression": _SCORES,
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.preprocessing._function_transformer": "_identity",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest MetadataRouter",
    "pandas": f"Categorical CategoricalDtype DataFrame {_PANDAS_INDEXES} Series StringDtype Timedelta Timestamp",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.missing": "NAType",
    "pandas._libs.tslibs.nattype": "_nat_unpickle",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas.arrays": "BooleanArray DatetimeArray FloatingArray IntegerArray StringArray TimedeltaArray",
    "pandas.core.arrays.categorical": "Categorical",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype IntervalDtype PeriodDtype",
    "pandas.core.frame": "DataFrame",
    "pandas.core.indexes.base": "Index _new_Index",
    "pandas.core.indexes.datetimes": "DatetimeIndex _new_DatetimeIndex",
    "pandas.core.indexes.multi": "MultiIndex",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.internals.blocks": "new_block",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas.core.series": "Series",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor",
    "xgboost.core": "Booster",
    "xgboost.sklearn": "XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor",
    "torch": f"Size Tensor device {_STORAGES} {_TORCH_DTYPES}",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": _TORCH_REBUILD,
    "torch.jit._pickle": "build_boollist build_doublelist build_intlist build_tensorlist restore_type_tag",
    "torch.nn.parameter": "Buffer Parameter UninitializedParameter",
    "torch.serialization": "_get_layout",
    "torch.storage": "TypedStorage UntypedStorage",
}
_ESTIMATORS = (
    "calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble "
    "feature_extraction feature_selection frozen gaussian_process impute isotonic kernel_approximation kernel_ridge "
    "linear_model manifold mixture model_selection multiclass multioutput naive_bayes neighbors neural_network "
    "pipeline preprocessing random_projection semi_supervised svm tree _loss base"
)
# Modules, with those below them, whose classes are trusted. __torch__ is no module of Python: TorchScript's own machine
# resolves those names.
CLASS_MODULES = (
    *(f"sklearn.{name}" for name in _ESTIMATORS.split()),
    "sklearn.metrics._dist_metrics",
    "sklearn.metrics._scorer",
    "torch.nn.modules",
    "__torch__",
    "numpy.dtypes",
)
_CLASS = re.compile(r"_*[A-Z]\w*|__pyx_unpickle_[A-Z]\w*")
_TESTS = re.compile(r"(^|\.)(tests?|conftest|externals)(\.|$)")
_ASK_REASONS = {
    UNKNOWN: "its name is computed while the pickle is loaded, so nobody can tell beforehand what it is",
    "numpy.memmap": "it opens a file that the pickle names",
    "numpy.core.memmap.memmap": "it opens a file that the pickle names",
    "torch.storage._load_from_bytes": "it loads another pickle, which lies within this one",
    "builtins.map": "it calls functions later, when somebody iterates over it",
    "builtins.type": "it can make classes with any methods",
}
_UNREVIEWED = "it is not on the reviewed list of what model files need"
_MAIN = "it was defined in the script or notebook that saved the file, where no other program finds it"


def _exact_names() -> frozenset[str]:
    named = ((module, name) for module, names in _EXACT.items() for name in names.split())
    return frozenset(f"{module}:{name}" if "." in name else f"{module}.{name}" for module, name in named)


TRUSTED_NAMES = _exact_names()


def judge(name: str) -> Judgement:
    """Judge a global by its name, as ``pickle_values.global_name`` spells it."""
    if name in TRUSTED_NAMES or _is_class_of_estimator_module(name):
        return Judgement(name, Verdict.TRUSTED)
    reason = DANGEROUS_NAMES.get(name) or _dangerous_module(name)
    if reason:
        return Judgement(name, Verdict.DANGEROUS, reason)
    if name.startswith(("__main__.", "__main__:")):
        return Judgement(name, Verdict.ASK, _MAIN)
    return Judgement(name, Verdict.ASK, _ASK_REASONS.get(name, _UNREVIEWED))


def _is_class_of_estimator_module(name: str) -> bool:
    """Names with a colon never are: the part after it may be an attribute of anything the module has imported."""
    module, _, last = name.rpartition(".")
    if ":" in name or not _CLASS.fullmatch(last) or _TESTS.search(module):
        return False
    return any(module == known or module.startswith(f"{known}.") for known in CLASS_MODULES)


def _dangerous_module(name: str) -> str:
    """Why any global of that module, or of one above it, is dangerous; empty where none is."""
    module = name.partition(":")[0] if ":" in name else name.rpartition(".")[0] or name
    while module:
        if module in DANGEROUS_MODULES:
            return DANGEROUS_MODULES[module]
        module = module.rpartition(".")[0]
    return ""
