"""The script for PowerShell (5.1 and later): a table of words, and a few lines that look in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.cli.shells.words import Command, Value, all_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = """\
# packflow completion for PowerShell, made by `packflow completion powershell`.

$script:PackflowWords = @{
@TABLE@
}

Register-ArgumentCompleter -Native -CommandName packflow -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | ForEach-Object { $_.ToString() } | Select-Object -Skip 1)
    if ($wordToComplete -and $words.Count -gt 0) { $words = @($words | Select-Object -SkipLast 1) }
    $command = ''; $place = 0; $pending = $null
    foreach ($word in $words) {
        if ($null -ne $pending) { $pending = $null; continue }
        if ($word.StartsWith('-')) {
            if ($script:PackflowWords.ContainsKey("$command $word")) { $pending = "$command $word" }
            continue
        }
        $longer = if ($command) { "$command $word" } else { $word }
        if ($place -eq 0 -and $script:PackflowWords.ContainsKey($longer)) { $command = $longer }
        else { $place = $place + 1 }
    }
    if ($null -ne $pending) { $found = $script:PackflowWords[$pending] }
    elseif ($wordToComplete.StartsWith('-')) { $found = $script:PackflowWords[$command] }
    else { $found = $script:PackflowWords["$command #$place"] }
    # Where nothing is found, PowerShell completes names of files itself.
    $found | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""


def script(top: Command) -> str:
    """The script, with every word in it.

    The table has a command's options by its name, an option's values by ``COMMAND OPTION``, an argument's by
    ``COMMAND #PLACE``; files are left to the shell.
    """
    table = "\n".join(f"    {_quoted(key)} = @({', '.join(map(_quoted, words))})" for key, words in _rows(top))
    return _SCRIPT.replace("@TABLE@", table)


def _rows(top: Command) -> Iterator[tuple[str, list[str]]]:
    for called, one in [("", top), *((one.name, one) for one in all_commands(top))]:
        yield called, [name for option in one.options for name in option.names]
        for option in one.options:
            if option.value.kind != "none":
                for name in option.names:
                    yield f"{called} {name}", _choices(option.value)
        if one.commands:
            yield f"{called} #0", [below.name.rpartition(" ")[2] for below in one.commands]
        for number, value in enumerate(one.arguments):
            if value.kind == "choice":
                yield f"{called} #{number}", _choices(value)


def _choices(value: Value) -> list[str]:
    return list(value.choices)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
