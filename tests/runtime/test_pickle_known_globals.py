"""The reviewed list trusts what honest models need and nothing that runs code."""

from __future__ import annotations

import pickle
import sys
import unittest

from packflow_runtime.dangerous_globals import DANGEROUS_MODULES, DANGEROUS_NAMES
from packflow_runtime.known_globals import CLASS_MODULES, TRUSTED_NAMES, Verdict, judge

# Each of these has been used to run code through scanners that trust a library as a whole.
RUN_CODE = """
os.system posix.system nt.system os.popen os.execv subprocess.Popen subprocess.check_output subprocess.getoutput
pty.spawn builtins.eval builtins.exec builtins.compile builtins.__import__ builtins.getattr builtins.setattr
builtins.open builtins.breakpoint builtins.globals builtins.vars builtins.apply runpy.run_path runpy._run_code
timeit.timeit timeit.main cProfile.run cProfile.runctx profile.Profile.runctx bdb.Bdb.run pdb.run trace.Trace.runctx
doctest.debug_script code.InteractiveInterpreter.runcode pickle.loads pickle.load _pickle.loads pickle.Unpickler
dill.loads cloudpickle.loads marshal.loads importlib.import_module importlib.reload imp.load_source
pkgutil.resolve_name pydoc.locate pydoc.pipepager ctypes.CDLL webbrowser.open antigravity.fly socket.socket
urllib.request.urlopen requests.get http.client.HTTPSConnection smtplib.SMTP ftplib.FTP shutil.rmtree shutil.copy
tempfile.mktemp shelve.open sqlite3.connect zipfile.ZipFile logging.config.dictConfig asyncio.run
multiprocessing.Process threading.Thread types.FunctionType types.CodeType operator.attrgetter operator.methodcaller
_operator.attrgetter functools.reduce sys.exit sys.modules gc.get_objects inspect.getmembers numpy.load
numpy.lib.npyio.load numpy.testing._private.utils.runstring numpy.core._ufunc_reconstruct
numpy.f2py.crackfortran.myeval numpy.distutils.exec_command.exec_command numpy.fromfile joblib.load
joblib.numpy_pickle.load joblib.Memory joblib.memory.MemorizedFunc joblib.parallel.Parallel pandas.read_pickle
pandas.io.pickle.read_pickle pandas.eval scipy.stats._distn_infrastructure.rv_continuous sklearn.datasets.fetch_openml
torch.load torch.hub.load torch.serialization.load torch.jit.load torch.fx.graph_module.reduce_graph_module
torch.utils.collect_env.run torch.utils.bottleneck.__main__.run_cprofile
torch.utils._config_module.ConfigModule.load_config torch._dynamo.guards.GuardBuilder.get
torch._inductor.codecache.compile_file torch.distributed.rpc.rpc_async torch.jit.unsupported_tensor_ops.execWrapper
idlelib.pyshell.ModifiedInterpreter.runcode lib2to3.pgen2.grammar.Grammar.loads ensurepip._run_pip venv.create
pip.main
"""

# These are neither: nothing dangerous is known of them, and honest models do without.
ASK = """
unknown copyreg.extension[7] numpy.memmap torch.storage._load_from_bytes builtins.map builtins.type builtins.print
lightgbm.callback.early_stopping sklearn.base.clone sklearn.ensemble._forest._generate_indices xgboost.core._load_lib
sklearn.utils._testing.TempMemmap sklearn.ensemble.tests.test_forest.SomeClass sklearn.externals.thing.Class
inference.Scorer somebody.Model sklearn.base:np.load sklearn.ensemble._forest:threading.Thread
sklearn.base:BaseEstimator.__init__.__globals__.get torch.nn.modules.module:torch.hub.Load sklearnx.tree.Tree
sklearnensemble.Forest torch.nn.modulesx.Thing torch.nn.functional.relu __main__.Scorer __main__:Scorer.Inner
"""

NEEDED = """
builtins.set builtins.object builtins.bytearray collections.OrderedDict collections.defaultdict copyreg._reconstructor
_codecs.encode datetime.datetime decimal.Decimal uuid.UUID functools.partial operator.itemgetter re._compile
zoneinfo:ZoneInfo._unpickle numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct numpy.ndarray
numpy.dtype numpy.core.multiarray.scalar numpy._core.multiarray.scalar numpy.float64 numpy.log1p
numpy.random._pickle.__randomstate_ctor scipy.sparse._csr.csr_matrix scipy.sparse.csr.csr_matrix
joblib.numpy_pickle.NumpyArrayWrapper sklearn.ensemble._forest.RandomForestClassifier sklearn.tree._tree.Tree
sklearn.pipeline.Pipeline sklearn.neighbors._kd_tree.newObj sklearn._loss._loss.__pyx_unpickle_CyHalfBinomialLoss
sklearn.linear_model._logistic.LogisticRegression sklearn.feature_extraction.text.TfidfVectorizer
sklearn.calibration._CalibratedClassifier pandas.core.frame.DataFrame pandas._libs.internals._unpickle_block
lightgbm.basic.Booster lightgbm.sklearn.LGBMClassifier xgboost.core.Booster xgboost.sklearn.XGBClassifier
torch._utils._rebuild_tensor_v2 torch.FloatStorage torch.nn.modules.linear.Linear torch.float32 torch.Size
torch._utils._rebuild_parameter __torch__.torch.nn.modules.linear.Linear
"""


class Verdicts(unittest.TestCase):
    def test_what_honest_models_need_is_trusted(self) -> None:
        self.assertEqual([name for name in NEEDED.split() if judge(name).verdict is not Verdict.TRUSTED], [])

    def test_what_runs_code_is_dangerous_and_says_why(self) -> None:
        for name in RUN_CODE.split():
            with self.subTest(name):
                judgement = judge(name)
                self.assertEqual(judgement.verdict, Verdict.DANGEROUS)
                self.assertRegex(judgement.reason, "^(it|its) ")

    def test_everything_else_asks_and_says_why(self) -> None:
        for name in ASK.split():
            with self.subTest(name):
                judgement = judge(name)
                self.assertEqual(judgement.verdict, Verdict.ASK)
                self.assertTrue(judgement.reason)

    def test_dotted_names_cannot_borrow_a_modules_trust(self) -> None:
        for name in ("os.system", "np.load", "Thread", "threading.Thread"):
            self.assertNotEqual(judge(f"sklearn.ensemble._forest:{name}.X").verdict, Verdict.TRUSTED)
        self.assertEqual(judge("os:path.join").verdict, Verdict.DANGEROUS)
        self.assertEqual(judge("pickle:Unpickler.load").verdict, Verdict.DANGEROUS)


class TheList(unittest.TestCase):
    def test_nothing_is_both_trusted_and_dangerous(self) -> None:
        for name in TRUSTED_NAMES:
            module = name.partition(":")[0] if ":" in name else name.rpartition(".")[0]
            parents = [module[: len(module) - len(tail)] for tail in _tails(module)]
            self.assertNotIn(name, DANGEROUS_NAMES)
            self.assertFalse(set(parents) & set(DANGEROUS_MODULES), name)
        for module in CLASS_MODULES:
            self.assertNotIn(module, DANGEROUS_MODULES)

    def test_trusted_names_of_the_standard_library_are_classes_or_known_functions(self) -> None:
        functions = {
            "_codecs.encode",
            "array._array_reconstructor",
            "copyreg.__newobj__",
            "copyreg.__newobj_ex__",
            "copyreg._reconstructor",
            "logging.getLogger",
            "re._compile",
            "re.compile",
            "zoneinfo:ZoneInfo._unpickle",
        }
        found = set()
        for name in TRUSTED_NAMES:
            module, _, attribute = name.replace(":", ".", 1).rpartition(".")
            if ":" in name:
                module, attribute = name.split(":")
            is_here = module != "pathlib._local" or sys.version_info >= (3, 13)
            if is_here and module.partition(".")[0] in sys.stdlib_module_names:
                value = pickle.loads(b"\x80\x04" + _text(module) + _text(attribute) + b"\x93.")
                if not isinstance(value, type):
                    found.add(name)
        self.assertEqual(found, functions)


def _text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def _tails(module: str) -> list[str]:
    parts = module.split(".")
    return ["".join(f".{part}" for part in parts[index:]) for index in range(1, len(parts) + 1)]


if __name__ == "__main__":
    unittest.main()
