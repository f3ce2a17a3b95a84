"""TableEncoder: tables of pandas, polars, pyarrow and NumPy, with all dtypes and with gaps."""

import datetime
import pickle
import re
import time
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.fixes import parse_version

from skbackprop import RobustSmoothScaler
from skbackprop.tabular import TableEncoder

pd = pytest.importorskip("pandas")
MARK = np.float32(2 / np.sqrt(1 + 4 / 9))
NEW_SKLEARN = parse_version(sklearn.__version__) >= parse_version("1.9")


def mixed(n=60):
    """A table with numbers, booleans, strings and categories, some of each missing."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.normal(40, 9, n),
            "rooms": rng.integers(1, 6, n),
            "owner": rng.integers(0, 2, n) == 1,
            "city": rng.choice(["Oslo", "Rome", "Bonn"], n).astype(object),
            "sex": pd.Categorical(rng.choice(["f", "m"], n)),
        }
    )
    table.loc[3, "age"] = np.nan
    table.loc[5, "city"] = None
    return table


NAMES = ["age", "rooms", "owner", "missingindicator_age"]
NAMES += ["city_Bonn", "city_Oslo", "city_Rome", "city_None", "sex_m"]


def test_by_hand():
    table = mixed()
    encoder = TableEncoder().fit(table)
    out = encoder.transform(table)
    assert out.dtype == np.float32 and np.isfinite(out).all()
    assert list(encoder.get_feature_names_out()) == NAMES
    assert encoder.origins_.tolist() == [0, 1, 2, 0, 3, 3, 3, 3, 4]
    assert encoder.is_continuous_.tolist() == [True, True] + 7 * [False]
    assert encoder.is_categorical_.tolist() == [False, False, False, True, True]
    assert encoder.categories_ == {3: ["Bonn", "Oslo", "Rome", None], 4: ["f", "m"]}
    numbers = RobustSmoothScaler().fit_transform(table.iloc[:, :3].astype(float))
    np.testing.assert_array_equal(out[:, :3], np.nan_to_num(numbers).astype(np.float32))
    np.testing.assert_array_equal(out[:, 3], MARK * table["age"].isna())
    for k, city in enumerate(["Bonn", "Oslo", "Rome"]):
        np.testing.assert_array_equal(out[:, 4 + k], MARK * (table["city"] == city))
    np.testing.assert_array_equal(out[:, 7], MARK * table["city"].isna())
    np.testing.assert_array_equal(out[:, 8], np.where(table["sex"] == "m", 1, -1))


def frames():
    """The same table in every shape that it may come in."""
    table = mixed()
    cases = {
        "strings": table.astype({"city": "str"}),
        "string dtype": table.astype({"city": "string"}),
        "category": table.astype({"city": "category"}),
        "nullable": table.convert_dtypes(),
        "float32": table.astype({"rooms": "float32"}),
        "rows of objects": table.to_numpy(object),
        "lists": table.to_numpy(object).tolist(),
        "NA": table.astype(object).where(table.notna(), pd.NA),
        "one column an object of numbers": table.astype({"rooms": object, "age": object}),
        "duplicated index": table.set_axis([0] * len(table)),
    }
    try:
        import polars
        import pyarrow
    except ImportError:
        return cases
    cases["pyarrow dtypes"] = table.convert_dtypes(dtype_backend="pyarrow")
    dictionary = pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string()))
    cases["pyarrow dictionary"] = table.astype({"city": dictionary})
    cases["pyarrow Table"] = pyarrow.Table.from_pandas(table)
    cases["polars"] = polars.from_pandas(table)
    cities = polars.Enum(["Rome", "Oslo", "Bonn", "Bern"])
    cases["polars Enum"] = cases["polars"].with_columns(polars.col("city").cast(cities))
    cases["polars Categorical"] = cases["polars"].with_columns(
        polars.col("city").cast(polars.Categorical), polars.col("rooms").cast(polars.UInt8)
    )
    cases["polars Decimal"] = cases["polars"].with_columns(
        polars.col("rooms").cast(polars.Decimal(10, 2))
    )
    return cases


@pytest.mark.parametrize("case", frames())
def test_the_same_table_in_every_shape(case):
    expected = TableEncoder().fit_transform(mixed())
    table = frames()[case]
    encoder = TableEncoder().fit(table)
    np.testing.assert_array_equal(encoder.transform(table), expected)
    np.testing.assert_array_equal(encoder.transform(table[3:6]), expected[3:6])
    np.testing.assert_array_equal(encoder.transform(table[-1:]), expected[-1:])
    weights = np.arange(60) % 3
    np.testing.assert_array_equal(
        clone(encoder).fit(table, sample_weight=weights).transform(table),
        TableEncoder().fit(mixed(), sample_weight=weights).transform(mixed()),
    )
    by_name = hasattr(encoder, "feature_names_in_")
    if isinstance(table, pd.DataFrame) or case == "pyarrow Table" or NEW_SKLEARN:
        assert by_name == (not case.startswith(("rows", "lists")))
    if by_name:
        assert list(encoder.get_feature_names_out()) == NAMES


def test_fitted_on_one_kind_of_frame_and_used_on_another():
    encoder = TableEncoder().fit(mixed())
    expected = encoder.transform(mixed())
    with warnings.catch_warnings():
        # scikit-learn says that the encoder knew names and is given none.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        for case, table in frames().items():
            np.testing.assert_array_equal(encoder.transform(table), expected, err_msg=case)


def test_like_one_hot_encoder():
    rng = np.random.default_rng(0)
    X = rng.choice(list("abcdefgh"), (300, 3), p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
    X = X.astype(object)
    peer = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(X)
    ours = TableEncoder().fit(X)
    X[0, 0] = "never seen"
    np.testing.assert_array_equal(ours.transform(X) / MARK, peer.transform(X))
    assert list(ours.get_feature_names_out()) == list(peer.get_feature_names_out())


@pytest.mark.parametrize("max_categories", [2, 3, 5, 7])
def test_rare_levels_are_pooled_as_by_one_hot_encoder(max_categories):
    # Some levels are equally frequent.
    X = np.repeat(list("abcdefgh"), [5, 1, 9, 2, 2, 2, 5, 1]).astype(object)[:, None]
    peer = OneHotEncoder(max_categories=max_categories, sparse_output=False).fit(X)
    ours = TableEncoder(max_categories=max_categories).fit(X)
    levels = np.array(list("abcdefgh"), object)[:, None]
    # There, the pool has the last column.
    np.testing.assert_array_equal(ours.transform(levels) / MARK, peer.transform(levels)[:, :-1])


def test_weights_are_repetition():
    rng = np.random.default_rng(1)
    table = mixed()
    table["city"] = rng.choice([f"city {i}" for i in range(12)], 60)
    weights = rng.integers(0, 4, 60)
    table.loc[np.flatnonzero(weights == 0)[0], "rooms"] = np.nan
    table.loc[np.flatnonzero(weights == 0)[0], "city"] = "absent"
    repeated = table.loc[np.repeat(table.index, weights)]
    a = TableEncoder(max_categories=6).fit(table, sample_weight=weights)
    b = TableEncoder(max_categories=6).fit(repeated)
    assert a.categories_ == b.categories_ and len(a.categories_[3]) == 5
    assert list(a.get_feature_names_out()) == list(b.get_feature_names_out())
    np.testing.assert_array_equal(a.transform(table), b.transform(table))
    with pytest.raises(ValueError, match="zero for every row"):
        TableEncoder().fit(table, sample_weight=np.zeros(60))


def test_what_training_never_saw():
    table = mixed()
    encoder = TableEncoder().fit(table)
    odd = table.iloc[:4].copy()
    odd["rooms"] = [np.nan, 3, 3, 3]  # none was missing: the median, and no mark
    odd["city"] = ["Paris", "Rome", "Rome", "Rome"]
    odd["sex"] = pd.Categorical([None, "x", "f", "m"])
    odd["age"] = 40.0
    out = encoder.transform(odd)
    assert np.isfinite(out).all() and out.shape == (4, 9)
    assert out[0, 1] == 0
    np.testing.assert_array_equal(out[0, 4:8], 0)
    np.testing.assert_array_equal(out[:, 8], [0, 0, -1, 1])
    nothing = pd.DataFrame({name: [None] for name in table})
    row = encoder.transform(nothing)[0]
    np.testing.assert_array_equal(row, [0, 0, 0, MARK, 0, 0, 0, MARK, 0])


def test_levels_are_equal_as_in_python():
    encoder = TableEncoder(categorical_features=[0]).fit([[1], [2], [3]])
    for same in ([[2.0]], np.array([[2]], np.int8), [[Decimal(2)]], np.array([[2]], object)):
        np.testing.assert_array_equal(encoder.transform(same), [[0, MARK, 0]])
    with pytest.warns(UserWarning, match="No value was seen in fit of column 0 of X"):
        np.testing.assert_array_equal(encoder.transform([["2"]]), [[0, 0, 0]])


def test_a_column_without_any_known_value_is_warned_of():
    table = pd.DataFrame({"shop": [1, 2, 3] * 5, "city": ["Oslo", "Rome", None] * 5, "x": 1.0})
    choice = {"categorical_features": ["shop", "city"]}
    encoder = TableEncoder(**choice).fit(table)
    other = table.assign(shop=table["shop"].astype(str), city="Bonn")
    told = (
        "No value was seen in fit of column 'shop' of X, which has '1', '2', '3', where fit saw 1, "
        "2, 3; column 'city' of X, which has 'Bonn', where fit saw 'Oslo', 'Rome'."
    )
    with pytest.warns(UserWarning, match=re.escape(told)) as caught:
        out = encoder.transform(other)
    assert len(caught) == 1 and not out.any()
    # One known value, or only missing ones, or rare levels that are pooled, are nothing to tell.
    encoder.transform(other.assign(shop=[1] + ["9"] * 14, city=["Rome"] + ["Bonn"] * 14))
    encoder.transform(table.assign(city=None))
    TableEncoder(max_categories=2, **choice).fit(table).transform(other)


def test_object_columns_of_numbers_and_not():
    numbers = [1, 2.5, None, np.float32(4), Decimal("5.5"), Fraction(1, 2), True, np.bool_(False)]
    table = pd.DataFrame(
        {
            "numbers": pd.Series(numbers, dtype=object),
            "words": pd.Series(["1", "2", None, "4", "5", "6", "7", "8"], dtype=object),
            "both": pd.Series([1, "1", 2, 2, "b", b"b", None, float("nan")], dtype=object),
            "none": pd.Series([None] * 8, dtype=object),
        }
    )
    encoder = TableEncoder().fit(table)
    assert encoder.is_categorical_.tolist() == [False, True, True, True]
    assert encoder.categories_[2] == [1, 2, b"b", "1", "b", None]
    out = encoder.transform(table)
    assert np.isfinite(out).all()
    assert (out[:, -1] == 0).all()
    with pytest.raises(ValueError, match="'numbers' of X must hold numbers, and holds 'one'"):
        encoder.transform(table.assign(numbers="one"))
    with pytest.raises(ValueError, match="'numbers' of X must hold numbers, and holds '1'"):
        encoder.transform(table.assign(numbers="1"))


def test_constant_columns_are_zero():
    table = pd.DataFrame(
        {"a": [3.0, 3, 3], "b": ["x", "x", "x"], "c": [np.nan] * 3, "d": [True] * 3}
    )
    encoder = TableEncoder().fit(table)
    assert list(encoder.get_feature_names_out()) == ["a", "c", "d", "b_x"]
    np.testing.assert_array_equal(encoder.transform(table), np.zeros((3, 4)))
    other = table.assign(a=7.0, b="y", c=1.0, d=False)
    np.testing.assert_array_equal(encoder.transform(other), np.zeros((3, 4)))


def test_large_numbers_keep_their_digits():
    seconds = 1.7e9 + np.arange(101.0)
    out = TableEncoder().fit_transform(seconds[:, None])
    assert len(np.unique(out)) == 101
    assert np.isfinite(TableEncoder().fit_transform([[-1e300], [0], [1e-300], [1e300]])).all()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["city", "sex"], [3, 4]),
        ([3, 4, 1], [1, 3, 4]),
        (np.array([3, 4], np.int8), [3, 4]),
        ([False, True, False, True, True], [1, 3, 4]),
        (np.array(["city", "sex"], object), [3, 4]),
    ],
)
def test_categories_by_name_index_and_mask(chosen, expected):
    encoder = TableEncoder(categorical_features=chosen).fit(mixed())
    assert np.flatnonzero(encoder.is_categorical_).tolist() == expected


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([1.5], "array-like of bool, int or str, got: float"),
        ("city", "array-like of bool, int or str"),
        ([[3], [4]], "array-like of bool, int or str"),
        (["town"], "'town' which is not a valid feature name"),
        ([5], r"must be in \[0, n_features - 1\]"),
        ([-1], r"must be in \[0, n_features - 1\]"),
        ([True], "boolean mask must have shape"),
        (None, "column 'city' of X must hold numbers, and holds '.*categorical_features"),
        ([4], "column 'city' of X must hold numbers"),
        ([], "column 'city' of X must hold numbers"),
    ],
)
def test_wrong_choice_of_categories(chosen, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(categorical_features=chosen).fit(mixed())


def test_names_need_names():
    with pytest.raises(ValueError, match="without feature names"):
        TableEncoder(categorical_features=["a"]).fit(np.zeros((3, 1)))


@pytest.mark.parametrize("value", [0, 1, 2.5, None, True, "all"])
def test_wrong_max_categories(value):
    with pytest.raises(ValueError, match="max_categories of TableEncoder"):
        TableEncoder(max_categories=value).fit(mixed())


def dates():
    day = pd.Timestamp("2024-02-29")
    cases = {
        "datetime64": pd.Series([day, None]),
        "with a zone": pd.Series([day.tz_localize("UTC"), None]),
        "timedelta64": pd.Series([day - day, None]),
        "Period": pd.Series([day.to_period("M"), None]),
        "date": pd.Series([datetime.date(2024, 2, 29), None], dtype=object),
        "datetime": pd.Series([datetime.datetime(2024, 2, 29), "x"], dtype=object),
        "time": pd.Series([datetime.time(12), None], dtype=object),
        "NaT": pd.Series(["x", pd.NaT], dtype=object),
        "numpy": pd.Series([np.datetime64("2024-02-29"), 1], dtype=object),
        "categories": pd.Series([day, day]).astype("category"),
    }
    try:
        import polars
        import pyarrow
    except ImportError:
        return {name: pd.DataFrame({"a": [1, 2], "when": s}) for name, s in cases.items()}
    for kind in (pyarrow.date32(), pyarrow.timestamp("s"), pyarrow.time64("us")):
        cases[str(kind)] = pd.Series([None, None], dtype=pd.ArrowDtype(kind))
    cases[str(kind)] = pd.Series([datetime.time(12), None], dtype=pd.ArrowDtype(kind))
    tables = {name: pd.DataFrame({"a": [1, 2], "when": s}) for name, s in cases.items()}
    for kind in (polars.Date, polars.Datetime, polars.Duration, polars.Time):
        when = polars.Series([None, None], dtype=kind)
        tables[f"polars {kind}"] = polars.DataFrame({"a": [1, 2], "when": when})
    return tables


@pytest.mark.parametrize("case", dates())
def test_dates_are_refused_with_advice(case):
    table = dates()[case]
    with pytest.raises(ValueError, match="column 'when' of X holds dates or times.*weekday"):
        TableEncoder().fit(table)
    encoder = TableEncoder().fit(type(table)({"a": [1, 2], "when": ["x", "y"]}))
    with pytest.raises(ValueError, match="column 'when' of X holds dates or times"):
        encoder.transform(table)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (pd.DataFrame({"a": [1.0, np.inf]}), ValueError, "column 'a' of X holds infinity"),
        ([[0, 1.0], [0, -np.inf]], ValueError, "column 1 of X holds infinity"),
        (pd.DataFrame({"a": [1, 10**400]}, dtype=object), ValueError, "'a' of X holds infinity"),
        (pd.DataFrame({"a": [1j, 2]}), ValueError, "Complex data not supported: column 'a'"),
        (pd.DataFrame({"a": [1j, "x"]}, dtype=object), ValueError, "Complex data not supported"),
        (pd.DataFrame({"a": [[1], [2]]}), TypeError, "column 'a' of X holds a list"),
        (np.array([["2024-01-01"]], "M8[D]"), ValueError, "column 0 of X holds dates"),
        (sparse.csr_array(np.eye(2)), TypeError, "Sparse X.*toarray"),
        (pd.DataFrame({"a": []}), ValueError, "0 sample"),
        (pd.DataFrame(index=[0, 1]), ValueError, "0 feature"),
        (pd.Series([1.0, 2]), ValueError, "Expected (a )?2"),
        ([1.0, 2], ValueError, "Expected 2D"),
        ("table", ValueError, "Expected 2D"),
    ],
)
def test_what_is_refused_leaves_the_encoder_as_it_was(X, error, message):
    encoder = TableEncoder().fit(mixed())
    before = pickle.dumps(encoder)
    with pytest.raises(error, match=message):
        encoder.fit(X)
    assert pickle.dumps(encoder) == before


def test_lazy_frames_are_refused():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"LazyFrame.*X\.collect\(\)"):
        TableEncoder().fit(polars.LazyFrame({"a": [1]}))


def test_other_columns_at_prediction():
    table = mixed()
    encoder = TableEncoder().fit(table)
    for other in (table[table.columns[::-1]], table.drop(columns="age"), table.assign(more=1)):
        with pytest.raises(ValueError, match="feature names should match"):
            encoder.transform(other)
    plain = TableEncoder().fit(table.to_numpy(object))
    with pytest.raises(ValueError, match="4 features, but TableEncoder is expecting 5"):
        plain.transform(table.to_numpy(object)[:, :4])


def test_identifiers_get_a_warning_that_names_them():
    ids = [f"customer {i}" for i in range(100)]
    table = pd.DataFrame({"id": ids, "city": ["Oslo", "Rome"] * 50})
    with pytest.warns(UserWarning, match="column 'id' of X has 100 different values in 100 rows"):
        encoder = TableEncoder().fit(table)
    assert encoder.transform(table).shape == (100, 40)
    TableEncoder().fit(pd.DataFrame({"id": ids[:85] + ids[:15]}))  # not nearly all: no warning


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    pytest.importorskip(library)
    table = mixed()
    out = TableEncoder().set_output(transform=library).fit_transform(table)
    assert list(out.columns) == NAMES
    np.testing.assert_array_equal(out.to_numpy(), TableEncoder().fit_transform(table))


def test_names_of_the_output_without_names():
    encoder = TableEncoder().fit([[1, "a"], [2, "b"], [None, "b"]])
    assert list(encoder.get_feature_names_out()) == ["x0", "missingindicator_x0", "x1_b"]
    names = encoder.get_feature_names_out(["p", "q"])
    assert list(names) == ["p", "missingindicator_p", "q_b"]


def test_names_that_are_whole_numbers():
    table = mixed().set_axis([4, 3, 2, 1, 0], axis=1)
    np.testing.assert_array_equal(
        TableEncoder().fit_transform(table), TableEncoder().fit_transform(mixed())
    )


def test_names_that_are_methods_elsewhere():
    table = pd.DataFrame({"collect": [1, 2, 3], "to_pandas": ["a", "b", "b"], "dtype": [1, 0, 0]})
    assert TableEncoder().fit_transform(table).shape == (3, 3)


def test_pickle_and_clone():
    encoder = TableEncoder(max_categories=7).fit(mixed())
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(mixed()), encoder.transform(mixed()))
    assert clone(encoder).max_categories == 7


VALUES = {
    "number": st.one_of(st.none(), st.floats(-1e300, 1e300), st.booleans(), st.integers()),
    "anything": st.one_of(st.none(), st.text(max_size=3), st.integers(), st.floats(), st.binary()),
    "text": st.one_of(st.none(), st.text(max_size=2), st.just(float("nan"))),
}


@settings(deadline=None)
@given(st.data())
def test_odd_tables(data):
    n = data.draw(st.integers(1, 12))
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    finite = st.integers(-(10**300), 10**300)
    columns = []
    for kind in kinds:
        values = VALUES[kind] if kind != "number" else st.one_of(VALUES[kind], finite)
        column = data.draw(st.lists(values, min_size=n, max_size=n))
        if all(isinstance(v, (int, float)) or v is None for v in column):
            column = [None if v in (np.inf, -np.inf) else v for v in column]
        columns.append(pd.Series(column, dtype=object))
    table = pd.concat(columns, axis=1)
    encoder = TableEncoder().fit(table)
    out = encoder.transform(table)
    assert np.isfinite(out).all() and np.abs(out).max() <= 3
    assert out.shape == (n, len(encoder.get_feature_names_out()))
    order = data.draw(st.permutations(range(n)))
    np.testing.assert_array_equal(TableEncoder().fit(table.iloc[order]).transform(table), out)


def test_one_row_and_many_are_quick():
    rng = np.random.default_rng(0)
    n = 20000
    table = {f"number {i}": rng.normal(size=n) for i in range(6)}
    for k in (2, 3, 5, 8, 16, 40, 100, 5):
        table[f"category {len(table)}"] = rng.choice([f"level {i}" for i in range(k)], n)
    table = pd.DataFrame(table)
    encoder = TableEncoder().fit(table)

    def seconds(X):
        best = np.inf
        for _ in range(7):
            start = time.perf_counter()
            encoder.transform(X)
            best = min(best, time.perf_counter() - start)
        return best

    # Twenty times what it takes on an idle machine.
    assert seconds(table) < 1
    assert seconds(table[:1]) < 0.04


def test_numbers_that_must_be_errors_count_as_missing():
    X = np.random.RandomState(0).randn(500, 3)
    X[:, 1] = np.where(X[:, 1] > 2, X[:, 1], 0)  # most are the same: what differs is no error
    X[5, 2] = np.nan
    encoder = TableEncoder().fit(X)
    rows = np.array([[1000, 1000, 1000], [-1000, -1000, -1000], [8, 8, 8]])
    first, second, third, mark = encoder.transform(rows).T
    assert first.tolist()[:2] == [0, 0] and third.tolist()[:2] == [0, 0]
    assert first[2] > 2.5 and third[2] > 2.5
    np.testing.assert_allclose(np.abs(second[:2]), 3, atol=1e-3)
    assert mark[0] == mark[1] > mark[2] == 0


def test_a_training_row_that_is_an_error_moves_no_bound():
    X = np.random.RandomState(0).randn(500, 1)
    ridden = X.copy()
    ridden[::100] = 1000
    encoded = TableEncoder().fit(ridden).transform(ridden)
    assert (encoded[::100] == 0).all() and encoded.shape == X.shape
