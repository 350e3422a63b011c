"""An error is told by its own words only where these can't be a customer's."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import ssl
from collections.abc import Callable
from pathlib import Path

import amqp
import kombu.exceptions
import psycopg
import pytest
import redis
import torch
from redis.exceptions import BusyLoadingError, ReadOnlyError

from storehand.errors import EngineError, InvalidInput, PluginError, SettingsError, StorehandError, Unavailable
from storehand_worker.discretion import WITHHELD, discreet, told, words
from storehand_worker.engines.failures import as_engine_error

SHOPPER = "Mrs Chen " + "of Lane 7"  # a traceback shows the line of the source, so never whole there


class ShopError(Exception):
    """As a plugin defines it."""


class ShopRefusal(StorehandError):
    code = "shop"


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


def met(code: Callable[[], object]) -> BaseException:
    try:
        code()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"no answer for {SHOPPER}"),
        TypeError(SHOPPER),
        ShopError(SHOPPER),
        ShopRefusal(SHOPPER),
        InvalidInput(SHOPPER),
        PluginError(SHOPPER),
        OSError(SHOPPER),
        NameError(SHOPPER),
        ImportError(SHOPPER),
        FileNotFoundError(errno.ENOENT, SHOPPER, f"/cards/{SHOPPER}.json"),
        sqlite3.OperationalError(f'fts5: syntax error near "{SHOPPER}"'),
        psycopg.errors.lookup("22P02")(SHOPPER),
        psycopg.errors.lookup("23505")(SHOPPER),
        psycopg.errors.lookup("P0001")(SHOPPER),
        psycopg.DataError(SHOPPER),
        redis.ResponseError(f"unknown command 'X', with args beginning with: '{SHOPPER}'"),
        BaseException(SHOPPER),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_be_a_customer_s_words_is_withheld_and_class_and_place_remain(error):
    caught = raised(error)
    text = discreet(caught)

    assert "Chen" not in text + told(caught)
    assert told(caught).startswith(type(error).__name__)
    assert "raised (test_discretion.py:" in told(caught) or isinstance(error, FileNotFoundError)
    assert "raise error" in text  # the line of code


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineError("the lane of text is full"), "the lane of text is full"),
        (SettingsError("batch_tokens is 0"), "batch_tokens is 0"),
        (Unavailable("the store is away"), "the store is away"),
        (OSError(errno.ENOSPC, "x", "/cards/1"), f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (psycopg.errors.lookup("57P01")("terminating connection"), "terminating connection"),
        (psycopg.OperationalError("connection refused"), "connection refused"),
        (BusyLoadingError("loading"), "loading"),
        (ReadOnlyError("a replica"), "a replica"),
        (amqp.exceptions.AMQPError("no queue"), "no queue"),
        (kombu.exceptions.OperationalError("refused"), "refused"),
        (torch.OutOfMemoryError("CUDA out of memory"), "CUDA out of memory"),
        (KeyboardInterrupt(), ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_we_or_systems_say_of_themselves_is_told(error, said):
    assert words(error) == said
    assert told(raised(error)) == f"{type(error).__name__}: {said}".rstrip(": ")
    assert WITHHELD not in discreet(error)


def test_a_failed_matrix_product_in_torch_is_told_and_the_same_class_from_a_plugin_is_not():
    linear = torch.nn.Linear(3, 2)

    assert "shapes cannot be multiplied" in told(met(lambda: linear(torch.zeros(1, 4))))
    assert words(met(lambda: (_ for _ in ()).throw(RuntimeError(SHOPPER)))) is None


def test_a_module_or_name_that_is_not_there_is_told():
    assert told(met(lambda: __import__("nowhere_at_all"))) == "ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert told(met(lambda: nothing_of_this_name)) == "NameError: name 'nothing_of_this_name' is not defined"  # type: ignore[name-defined]  # noqa: F821  # on purpose


def test_a_file_is_told_by_its_trouble_and_not_by_its_name(tmp_path):
    error = met((tmp_path / f"{SHOPPER}.json").read_text)

    assert told(error) == f"FileNotFoundError: [Errno 2] {os.strerror(2)}"
    assert Path(__file__).name in discreet(error)


def test_a_request_that_fails_in_a_model_is_told_to_its_batch_without_its_words():
    failure = as_engine_error(raised(ValueError(SHOPPER)))

    assert failure.message.startswith("the model failed on this request (ValueError in raised (test_discretion.py:")


def test_of_a_chain_of_errors_each_is_judged_by_itself():
    def code() -> None:
        try:
            raise ShopError(SHOPPER)
        except ShopError as error:
            raise Unavailable("the store is away") from error

    text = discreet(met(code))

    assert f"ShopError: {WITHHELD}" in text
    assert text.endswith("Unavailable: the store is away")
