"""Values that nobody expects, as expressions: what is wrong in a call can be read, and pasted.

Each line of a text is an expression in `NAMES`. `Xs` are 12 good rows of 3 numbers, `ys` are good
targets for them.
"""

import datetime
import decimal
import fractions
import pathlib
import tempfile
import warnings

import numpy as np
from scipy import sparse

import skbackprop

try:
    import pandas as pd
except ImportError:
    pd = None
try:
    import polars as pl
except ImportError:
    pl = None

__all__ = [
    "CLASSES",
    "COEFS",
    "INTERCEPTS",
    "NAMES",
    "ROWS",
    "TARGETS",
    "VALUES",
    "WEIGHTS",
    "evaluate",
]


class Indexed:
    """An integer by `__index__` alone."""

    def __index__(self):
        return 2


class Floated:
    """A number by `__float__` alone."""

    def __float__(self):
        return 0.5


class Undecided:
    """What cannot be compared."""

    def __eq__(self, other):
        raise TypeError("no comparing here")

    __hash__ = object.__hash__


class Arrayed:
    """An array by `__array__` alone."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype=dtype)


class Ducked(Arrayed):
    """The same, with a shape and a length."""

    @property
    def shape(self):
        return self.a.shape

    def __len__(self):
        return len(self.a)

    def __getitem__(self, key):
        return self.a[key]


class Float(float):
    pass


class Int(int):
    pass


class Str(str):
    pass


def changed(a, value, where=(2, 1)):
    """A copy of `a`, an object array if need be, with another value in one place."""
    a = np.array(a)
    if not isinstance(value, (int, float)) or a.dtype.kind not in "f":
        a = a.astype(object)
    a[tuple(min(place, size - 1) for place, size in zip(where, a.shape, strict=False))] = value
    return a


def read_only(a):
    a = np.array(a)
    a.flags.writeable = False
    return a


def unaligned(a):
    raw = bytearray(a.nbytes + 1)
    b = np.frombuffer(raw, a.dtype, a.size, offset=1).reshape(a.shape)
    b[...] = a
    return b


def on_disk(a, mode):
    path = pathlib.Path(_FOLDER.name) / f"{a.dtype.str[1:]}-{a.ndim}-{mode[0]}.npy"
    if not path.exists():
        np.save(path, a)
    return np.load(path, mmap_mode=mode)


def doubled(a):
    """The same matrix with every number in two stored halves."""
    one = sparse.coo_matrix(a)
    row, column = np.r_[one.row, one.row], np.r_[one.col, one.col]
    order = np.argsort(row, kind="stable")
    indptr = np.r_[0, np.cumsum(np.bincount(row, minlength=a.shape[0]))]
    data = np.r_[one.data, one.data][order] / 2
    return sparse.csr_matrix((data, column[order], indptr), shape=a.shape)


def wide_indices(a):
    b = sparse.csr_matrix(a)
    b.indices, b.indptr = b.indices.astype(np.int64), b.indptr.astype(np.int64)
    return b


def frozen(a):
    b = sparse.csr_matrix(a)
    for part in (b.data, b.indices, b.indptr):
        part.flags.writeable = False
    return b


_FOLDER = tempfile.TemporaryDirectory(prefix="skbackprop-odd-")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))

NAMES = {
    **{name: getattr(skbackprop, name) for name in skbackprop.__all__},
    **{"np": np, "sparse": sparse, "pd": pd, "pl": pl, "nan": np.nan, "inf": np.inf},
    **{"Fraction": fractions.Fraction, "Decimal": decimal.Decimal, "Path": pathlib.Path},
    "date": datetime.date,
    **{
        thing.__name__: thing
        for thing in (Indexed, Floated, Undecided, Arrayed, Ducked, Float, Int, Str)
    },
    **{
        f.__name__: f
        for f in (changed, read_only, unaligned, on_disk, doubled, wide_indices, frozen)
    },
    "Xs": X,
}


def evaluate(expression, **names):
    """What an expression says, made anew at each call."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, {**NAMES, **names})


def _lines(text):
    frames = {"pd": pd, "pl": pl}
    lines = [line.strip() for line in text.strip().splitlines()]
    return [
        line
        for line in lines
        if all(module is not None or f"{name}." not in line for name, module in frames.items())
    ]


VALUES = _lines("""
    None
    True
    False
    0
    1
    2
    3
    -1
    10**30
    -10**30
    2**63
    2**31
    0.5
    1.0
    2.5
    -0.5
    -0.0
    nan
    inf
    -inf
    1e308
    1e-320
    5e-324
    1e-40
    Fraction(1, 2)
    Fraction(3)
    Decimal('0.5')
    Decimal('NaN')
    Decimal(2)
    1j
    complex(0.5, 0.0)
    np.int8(2)
    np.uint8(2)
    np.int16(-2)
    np.uint16(2)
    np.int32(2)
    np.uint32(2)
    np.int64(2)
    np.uint64(2**63)
    np.float16(0.5)
    np.float32(0.5)
    np.float64(0.5)
    np.longdouble('0.5')
    np.longdouble('1e4000')
    np.float32('nan')
    np.float16('inf')
    np.complex64(1)
    np.complex128(0.5)
    np.bool_(True)
    np.bool_(False)
    np.str_('adam')
    np.str_('nonsense')
    np.bytes_(b'adam')
    np.datetime64('2020-01-01')
    np.datetime64('NaT')
    np.timedelta64(1, 's')
    np.void(b'ab')
    b'adam'
    ''
    ' '
    'auto'
    'adam '
    'ADAM'
    'nonsense'
    'a\\0b'
    'x' * 5000
    '{}'
    '%s'
    '1'
    'nan'
    'numpy'
    'loss'
    'accuracy'
    'r2'
    'balanced'
    'softmax'
    'relu'
    'tanh'
    'sgd'
    'lbfgs'
    'lm'
    'br'
    'cosine'
    'adaptive'
    'squared_error'
    'cross_entropy'
    'hinge'
    'poisson'
    'gaussian_nll'
    Str('relu')
    Int(2)
    Float(0.5)
    np.array(0.5)
    np.array(2)
    np.array('adam')
    np.array(None)
    np.array(nan)
    np.array([])
    np.array([0.5])
    np.array([2])
    np.array([2, 3])
    np.array([0.1, 0.2])
    np.array([[0.1, 0.2]])
    np.array([[2, 3]])
    np.array([nan, 1.0])
    np.array(['a', 'b'])
    np.array([None, 1], dtype=object)
    np.array([2, 3], dtype=object)
    np.array([True, False])
    np.array([1j, 2])
    np.array(['2020-01-01'], 'M8[D]')
    np.zeros((0, 3))
    np.zeros((2, 0))
    np.ma.array([0.1, 0.2], mask=[0, 1])
    np.ma.masked
    []
    ()
    [[]]
    [()]
    [0]
    [1]
    [2]
    [2, 3]
    (2, 3, 4)
    [2, [3, 4]]
    [[2, 3], [4]]
    [2.0]
    [0.1, 0.2]
    [0.1, None]
    [nan, 0.1]
    [inf, 0.1]
    [-1, 2]
    [True, False]
    [True, None]
    [None, None]
    [None]
    ['a', 'b']
    ['relu', 'tanh']
    ['relu']
    ['softmax']
    [Fraction(1, 2), Fraction(1, 3)]
    [Decimal(1), Decimal(2)]
    [10**30]
    [10**400, 1]
    [1j, 1]
    [np.ones((3, 4)), None]
    [np.ones((3, 4)), np.ones((4, 1))]
    [np.ones((3, 4), bool), True]
    [np.ones((2, 2)), True]
    [[[1, 0]], None]
    [{}, set()]
    set()
    {1, 2}
    frozenset([2])
    {}
    {0: 1.0, 1: 2.0}
    {'a': 1.0, 'b': 2.0, 'c': 3.0}
    {0: nan}
    {0: -1.0, 1: 1.0}
    {0: 'a', 1: 'b'}
    {'nonsense': 1}
    [{0: 1.0, 1: 2.0}] * 3
    range(3)
    range(1, 3)
    (i for i in (2, 3))
    iter([2, 3])
    map(int, '23')
    object()
    object
    int
    len
    print
    abs
    max
    lambda: 1
    lambda *a: 0.5
    lambda *a, **k: None
    lambda *a, **k: nan
    lambda *a, **k: 'text'
    lambda *a, **k: 1 / 0
    lambda *a, **k: -1.0
    lambda n_in, n_out, rng: np.full((n_in, n_out), nan)
    lambda n_in, n_out, rng: rng.normal(size=n_in)
    lambda n_in, n_out, rng: [[0.1] * n_out] * n_in
    np.tanh
    np
    slice(3)
    Ellipsis
    NotImplemented
    Exception('boo')
    date(2020, 1, 1)
    Path('.')
    memoryview(b'ab')
    bytearray(b'ab')
    sparse.eye(3)
    Indexed()
    Floated()
    Undecided()
    Arrayed([0.1, 0.2])
    np.random.RandomState(0)
    np.random.default_rng(0)
    np.random
    BackpropRegressor()
    BackpropRegressor
    Adam()
    Adam
    SGD()
    LM()
    LBFGS()
    Huber()
    CrossEntropy()
    SquaredError
    ACTIVATIONS['tanh']
    ACTIVATIONS
    Mixed(['tanh', 'relu', 'tanh', 'relu'])
    Cosine()
    Cosine(total_steps=5)
    Step
    Loss()
    UpdateRule()
    Activation(np.tanh, lambda v, y: y)
    Activation(np.tanh, lambda v, y: 1 - y * y)
    pd.Series([0.1, 0.2])
    pd.NA
    pd.NaT
    pd.Timestamp('2020-01-01')
    pd.DataFrame({'a': [1]})
    pl.Series([0.1, 0.2])
""")

ROWS = _lines("""
    Xs
    Xs.tolist()
    Xs.astype('f4')
    Xs.astype('f2')
    Xs.astype('>f8')
    Xs.astype('>f4')
    Xs.astype('i1')
    Xs.astype('u1')
    Xs.astype('i8')
    Xs > 0
    Xs.astype(object)
    Xs.astype('g')
    Xs.astype(complex)
    Xs.astype('S20')
    Xs.astype('U20')
    Xs.astype('M8[s]')
    Xs.astype('m8[s]')
    np.asfortranarray(Xs)
    np.repeat(Xs, 2, axis=0)[::2]
    Xs[::-1]
    Xs[:, ::-1]
    np.broadcast_to(Xs[:1], (12, 3))
    read_only(Xs)
    unaligned(Xs)
    on_disk(Xs, 'r')
    on_disk(Xs, 'c')
    np.matrix(Xs)
    np.ma.array(Xs)
    np.ma.array(Xs, mask=Xs > 1)
    np.rec.fromarrays(Xs.T)
    Xs.view('V8')
    memoryview(Xs)
    Arrayed(Xs)
    Ducked(Xs)
    [*Xs]
    (*Xs,)
    (row for row in Xs)
    {i: row for i, row in enumerate(Xs)}
    {*map(tuple, Xs)}
    Xs[:0]
    Xs[:1]
    Xs[:2]
    Xs[:11]
    np.r_[Xs, Xs]
    Xs[:, :0]
    Xs[:, :2]
    np.c_[Xs, Xs]
    Xs[0]
    Xs[:, 0]
    Xs[None]
    Xs[..., None]
    np.array(5.0)
    [[1, 2, 3], [4, 5]] * 6
    [[]] * 12
    [[1, 2, [3]]] * 12
    [None] * 12
    [['a', 'b', 'c']] * 12
    [['1', '2', '3']] * 12
    [[1, '2', None]] * 12
    [[True, 2, 3.0]] * 12
    [[Fraction(1, 2), Decimal(1), 3]] * 12
    [[10**30, 1, 1]] * 12
    [[10**400, 1, 1]] * 12
    [[1j, 1, 1]] * 12
    [[object(), 1, 1]] * 12
    [[np.nan, 1, 1]] * 12
    [[b'1', b'2', b'3']] * 12
    ['abc'] * 12
    'abc'
    b'abc'
    5
    5.0
    None
    True
    nan
    changed(Xs, nan)
    changed(Xs, inf)
    changed(Xs, -inf)
    changed(Xs, None)
    changed(Xs, 'a')
    changed(Xs, 'nan')
    changed(Xs, 1j)
    changed(Xs, [1])
    changed(Xs, 1e308)
    changed(Xs, 1e200)
    changed(Xs, -1e160)
    changed(Xs.astype('f4'), 3e38)
    changed(Xs, np.datetime64('NaT'))
    Xs * 1e308
    Xs * 1e155
    Xs * 1e-300
    Xs * 1e-320
    Xs * 0
    -Xs * 1e30
    (Xs * 1e38).astype('f4')
    (Xs * 1e-44).astype('f4')
    np.full((12, 3), 1.7e308)
    sparse.csr_matrix(Xs)
    sparse.csr_array(Xs)
    sparse.csc_matrix(Xs)
    sparse.coo_matrix(Xs)
    sparse.coo_array(Xs)
    sparse.lil_matrix(Xs)
    sparse.dok_matrix(Xs)
    sparse.bsr_matrix(Xs)
    sparse.dia_matrix(Xs)
    sparse.csr_matrix(Xs.astype('f4'))
    sparse.csr_matrix(Xs.astype('i4'))
    sparse.csr_matrix(Xs > 0)
    sparse.csr_matrix(Xs.astype(complex))
    sparse.csr_matrix(changed(Xs, nan))
    sparse.csr_matrix(changed(Xs, inf))
    sparse.csr_matrix(changed(Xs, 1e308))
    sparse.csr_matrix(Xs[:, :2])
    sparse.csr_matrix(Xs[:5])
    sparse.csr_matrix((12, 3))
    sparse.csr_matrix((0, 3))
    sparse.csr_matrix((12, 0))
    sparse.random(12, 3, 0.3, 'csr', random_state=0)
    doubled(Xs)
    wide_indices(Xs)
    frozen(Xs)
    sparse.csr_matrix(Xs)[0]
    pd.DataFrame(Xs)
    pd.DataFrame(Xs, columns=list('abc'))
    pd.DataFrame(Xs, columns=list('cab'))
    pd.DataFrame(Xs, columns=['a', 'a', 'a'])
    pd.DataFrame(Xs, columns=[0, 'a', 1.5])
    pd.DataFrame(Xs).astype('Float64')
    pd.DataFrame(Xs).astype('Float64').mask(Xs > 1)
    pd.DataFrame(Xs).astype('f4')
    pd.DataFrame(Xs).astype(str)
    pd.DataFrame(Xs).astype(pd.SparseDtype('float', 0.0))
    pd.DataFrame(Xs).astype('category')
    pd.DataFrame({'a': list('abcabcabcabc'), 'b': 1, 'c': 2.0})
    pd.DataFrame({'a': pd.Timestamp('2020-01-01'), 'b': 1, 'c': [2.0] * 12})
    pd.DataFrame({'a': [1, None] * 6, 'b': 1, 'c': 2.0})
    pd.DataFrame()
    pd.Series(Xs[:, 0])
    pl.DataFrame(Xs)
    pl.DataFrame(Xs, schema=['a', 'b', 'c'])
    pl.DataFrame({'a': ['a'] * 12, 'b': [1] * 12, 'c': [None] * 12})
    pl.LazyFrame(Xs)
""")

TARGETS = _lines("""
    ys
    list(ys)
    ys.tolist()
    (*ys,)
    (v for v in ys)
    ys.astype(object)
    ys.astype(str)
    np.array(ys)[:, None]
    np.array(ys)[None]
    np.array(ys)[..., None, None]
    np.array(ys)[:11]
    np.array(ys)[:0]
    np.array(ys)[:1]
    np.repeat(ys, 2, axis=0)
    read_only(ys)
    np.repeat(ys, 2, axis=0)[::2]
    np.ma.array(ys)
    np.ma.array(np.arange(12.0), mask=Xs[:, 0] > 0)
    Xs[:, 0]
    Xs[:, 0].astype('f4')
    Xs[:, 0].astype('f2')
    Xs[:, 0].astype('>f8')
    Xs[:, 0] > 0
    Xs[:, :2]
    Xs[:, :2] > 0
    (Xs > 0).astype(int)
    (Xs > 0).astype(float)
    (Xs > 0).tolist()
    sparse.csr_matrix(Xs > 0)
    sparse.csc_matrix((Xs > 0).astype(int))
    sparse.csr_matrix(Xs)
    sparse.coo_array(Xs[:, 0])
    Xs * 2
    Xs
    Xs[:, :0]
    np.zeros(12)
    np.ones(12)
    np.zeros(12, int)
    np.zeros((12, 3), int)
    np.arange(12)
    np.arange(12) % 2
    np.arange(12) % 3
    np.arange(12) % 3 - 1
    np.arange(12) % 2 + 0.5
    np.arange(12) % 2 * 1e300
    np.array(['a', 'b', 'c'] * 4)
    np.array(['a', 'b', 'c'] * 4, dtype=object)
    ['a', 'b'] * 6
    ['a', 1] * 6
    ['a', None] * 6
    ['a', nan] * 6
    [0, None] * 6
    [0, 'nan'] * 6
    [0, 1j] * 6
    [0, [1]] * 6
    [[0, 1], [1]] * 6
    [[0], [1, 2], []] * 4
    [{1}, {2}] * 6
    [object()] * 12
    [b'a', b'b'] * 6
    [Fraction(1, 2), Fraction(1, 3)] * 6
    [Decimal(1), Decimal(2)] * 6
    [10**30, 1] * 6
    [10**400, 1] * 6
    [True, False] * 6
    [np.bool_(True), 0] * 6
    ['1.5', 'nan'] * 6
    ['1.5', '2.5'] * 6
    ['', 'a'] * 6
    np.array(['2020', '2021'] * 6, 'M8[Y]')
    np.array(['2020', 'NaT'] * 6, 'M8[D]')
    np.arange(12).astype('m8[s]')
    changed(np.arange(12.0), nan)
    changed(np.arange(12.0), inf)
    changed(np.arange(12.0), -inf)
    changed(np.arange(12.0), None)
    changed(np.arange(12.0), 'a')
    changed(np.arange(12.0), 1e308)
    changed(np.arange(12.0), -1e160)
    changed(np.arange(12) % 2, None)
    changed(np.arange(12) % 2, 2)
    changed(np.arange(12) % 2, nan)
    changed(np.arange(12) % 3, 'a')
    changed(Xs, nan)
    changed(Xs, None)
    np.full(12, nan)
    np.full(12, inf)
    np.full(12, 1e308)
    Xs[:, 0] * 1e308
    Xs[:, 0] * 1e160
    Xs[:, 0] * 1e39
    Xs[:, 0] * 1e12
    Xs[:, 0] * 1e-160
    Xs[:, 0] * 1e-300
    Xs[:, 0] * 1e-320
    Xs[:, 0].astype(complex)
    Xs[:, 0].astype('S10')
    Xs[:, 0].astype('V')
    np.rec.fromarrays(Xs.T)
    np.array(5)
    None
    5
    5.0
    'abc'
    b'abc'
    True
    nan
    {}
    {0, 1}
    dict(enumerate(np.arange(12)))
    np.arange
    Arrayed(np.arange(12) % 2)
    pd.Series(np.arange(12) % 2)
    pd.Series(np.arange(12) % 3, index=range(50, 62), name='target')
    pd.Series(['a', 'b', 'c'] * 4)
    pd.Series(['a', 'b', None] * 4)
    pd.Series(['a', 'b', 'c'] * 4, dtype='category')
    pd.Series(['a', 'b', None] * 4, dtype='category')
    pd.Series(['a', 'b', 'c'] * 4, dtype='string')
    pd.Series([1, 2, None] * 4, dtype='Int64')
    pd.Series([1.0, 2.0, None] * 4)
    pd.Series([True, False, None] * 4, dtype='boolean')
    pd.Series(pd.to_datetime(['2020-01-01', None] * 6))
    pd.DataFrame(Xs)
    pd.DataFrame(Xs > 0)
    pd.DataFrame({'t': np.arange(12) % 2})
    pd.DataFrame({'t': ['a', 'b'] * 6, 'u': 1})
    pl.Series([1, 2, 3] * 4)
    pl.Series(['a', 'b', 'c'] * 4)
    pl.Series([1, 2, None] * 4)
""")

WEIGHTS = _lines("""
    None
    1
    0
    2.5
    -1
    nan
    inf
    True
    1e308
    1e-320
    10**30
    10**400
    Fraction(1, 2)
    Decimal(1)
    np.float32(2)
    np.array(2.0)
    1j
    'abc'
    '1'
    b'1'
    []
    {}
    {0: 1.0}
    set()
    np.ones(12)
    np.ones(12, int)
    np.ones(12, bool)
    np.ones(12, 'f4')
    np.ones(12, object)
    np.ones(12, complex)
    np.ones(12, '>f8')
    np.ones(12).astype(str)
    np.ones(12).tolist()
    np.arange(12)
    np.arange(12) % 2
    np.zeros(12)
    -np.ones(12)
    np.ones(11)
    np.ones(13)
    np.ones((12, 1))
    np.ones((1, 12))
    np.ones(0)
    read_only(np.ones(12))
    np.ones(24)[::2]
    np.broadcast_to(1.0, 12)
    np.ma.array(np.ones(12), mask=Xs[:, 0] > 0)
    changed(np.ones(12), nan)
    changed(np.ones(12), inf)
    changed(np.ones(12), -1.0)
    changed(np.ones(12), None)
    changed(np.ones(12), 'a')
    changed(np.ones(12), 1e308)
    changed(np.ones(12), 1e-320)
    np.full(12, 1e308)
    np.full(12, 1e200)
    np.full(12, 1e39)
    np.full(12, 1e-200)
    np.full(12, 1e-320)
    [[1], [1, 2]] * 6
    [None] * 12
    ['a'] * 12
    [Fraction(1, 2)] * 12
    [10**400] * 12
    (1.0 for _ in range(12))
    np.arange(12).astype('M8[s]')
    np.arange(12).astype('m8[s]')
    sparse.csr_matrix(np.ones(12))
    sparse.coo_array(np.ones(12))
    Arrayed(np.ones(12))
    pd.Series(np.ones(12), index=range(30, 42))
    pd.Series([1.0, None] * 6)
    pd.Series([1, None] * 6, dtype='Int64')
    pd.DataFrame({'w': np.ones(12)})
    pl.Series([1.0] * 12)
""")

CLASSES = _lines("""
    None
    [0, 1]
    [1, 0]
    [0, 1, 2]
    (0, 1, 2)
    [0, 1, 1, 2]
    np.array([2, 1, 0])
    np.array([0.0, 1.0, 2.0])
    np.array([0, 1, 2], dtype=object)
    [0, 1, 2, 3]
    [0]
    []
    ['a', 'b', 'c']
    ['a', 'b']
    np.array(['a', 'b', 'c'], dtype=object)
    ['a', 1]
    ['a', None]
    [0, None]
    [0, nan]
    [0, inf]
    [0, 1j]
    [0.5, 1.5]
    [[0, 1], [1, 0]]
    [[0, 1], [1]]
    [[0, 1, 2]]
    np.array(['2020', 'NaT'], 'M8[D]')
    3
    3.0
    None
    True
    'abc'
    'ab'
    b'ab'
    nan
    {0, 1}
    {0: 'a', 1: 'b'}
    range(2)
    range(3)
    (i for i in range(3))
    object()
    np.array(3)
    np.ones((2, 2, 2))
    np.arange(12)
    sparse.csr_matrix([0, 1])
    [True, False]
    [Fraction(1, 2), Fraction(1)]
    [10**30, 1]
    pd.Series([0, 1, 2])
    pd.Series(['a', 'b', None])
    pd.Categorical(['a', 'b', 'c'])
""")

# For a network 3-4-1; `good` are arrays that fit.
COEFS = _lines("""
    good
    [*good]
    iter(good)
    (a for a in good)
    [a.tolist() for a in good]
    [a.astype('f4') for a in good]
    [a.astype(object) for a in good]
    [a.astype(int) for a in good]
    [a.astype(complex) for a in good]
    [a.astype(str) for a in good]
    [a * 1e308 for a in good]
    [a * 1e300 for a in good]
    [a * nan for a in good]
    [a * inf for a in good]
    [changed(a, nan) for a in good]
    [changed(a, None) for a in good]
    [changed(a, 'a') for a in good]
    [a.T for a in good]
    [a[:1] for a in good]
    [a[None] for a in good]
    [a > 0 for a in good]
    [np.ma.array(a, mask=True) for a in good]
    [sparse.csr_matrix(a) for a in good]
    [Arrayed(a) for a in good]
    [read_only(a) for a in good]
    [np.asfortranarray(a) for a in good]
    [a.astype('>f8') for a in good]
    [a.astype('M8[s]') for a in good]
    [None] * len(good)
    [[[1, 2], [3]]] * len(good)
    [good[0]]
    [*good, good[-1]]
    []
    None
    5
    nan
    'abc'
    {}
    {0: good[0], 1: good[-1]}
    set()
    np.array([])
    np.ones((2, 3, 4))
    np.array(good[0])
    object()
    np.array([*good, None], dtype=object)
    [0.1] * len(good)
    ['a', 'b']
    [Fraction(1, 2)] * len(good)
    [10**400] * len(good)
""")
INTERCEPTS = COEFS
