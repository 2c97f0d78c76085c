/**
 * Windows real servers for direct routing: PowerShell.
 *
 * Windows answers ARP on an interface for that interface's addresses alone, and takes packets for other interfaces' addresses
 * only in the weak host model, which since Windows Vista is off.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { type HostScriptSubject, header, subjectName, vipsOf } from './header.js';
import { comment } from './shell.js';

/** One word of PowerShell, whatever characters it has. */
export function quoteForPowerShell(word: string): string {
  return `'${word.replaceAll("'", "''")}'`;
}

export function powerShellScript(subject: HostScriptSubject): string {
  const file = `ipvs-ts-${subjectName(subject)}.ps1`;
  const vips = vipsOf(subject).map(({ address }) => address);
  const families = [...new Set(vips.map(familyOf))].map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6'));
  const text = header(
    subject,
    file,
    ['not run on Windows: its text is compared with a golden file, no more'],
    [
      `powershell -ExecutionPolicy RemoteSigned -File ${file} -Start     sets up what is missing, writes down what was there`,
      `powershell -ExecutionPolicy RemoteSigned -File ${file} -Stop      puts exactly that back`,
      `powershell -ExecutionPolicy RemoteSigned -File ${file} -Status    changes nothing; exit code 0: all in place, 3: not`,
      'as administrator, on Windows Server 2012 R2 or later. Addresses and settings outlast a reboot.',
      'The firewall must let the services in on the loopback adapter too.',
    ],
  );
  return `${comment(text)}
#Requires -Version 4.0
#Requires -RunAsAdministrator
[CmdletBinding()]
param(
    [switch]$Start,
    [switch]$Stop,
    [switch]$Status,
    # The interface that packets from the director come in by; else the one of the default route.
    [string]$LanAlias = ''
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Vips = @(
${vips.map((vip) => `    ${quoteForPowerShell(vip)}`).join(',\n')}
)
$Families = @(${families.map(quoteForPowerShell).join(', ')})
$State = Join-Path $env:ProgramData ${quoteForPowerShell(`ipvs-ts\\${subjectName(subject)}.txt`)}
$script:Lacking = 0
${FUNCTIONS}`;
}

const FUNCTIONS = `
# Said of each thing that is not as it is wanted. -Start goes on to make it so.
function Test-Lacking([string]$What) {
    $script:Lacking++
    if (-not $Start) { Write-Output "not in place: $What" | Out-Host }
    return [bool]$Start
}

# The opposite of a change that is about to be made; fields are separated by tabs.
function Add-Memory([string[]]$Fields) {
    New-Item -ItemType Directory -Force -Path (Split-Path $State) | Out-Null
    Add-Content -LiteralPath $State -Value ($Fields -join "\`t")
}

function Get-Loopback {
    Get-NetAdapter -IncludeHidden | Where-Object { $_.InterfaceDescription -like 'Microsoft KM-TEST Loopback Adapter*' } |
        Select-Object -First 1
}

# VIPs stand on an adapter of which the network sees nothing. Windows brings its driver; only devcon.exe (of the Windows Driver
# Kit) or the wizard hdwwiz.exe can make a device of it.
function Step-Loopback {
    if (Get-Loopback) { return }
    if (-not (Test-Lacking 'the Microsoft KM-TEST Loopback Adapter')) { return }
    if (-not (Get-Command devcon.exe -ErrorAction SilentlyContinue)) {
        throw 'There is no loopback adapter, and no devcon.exe to make one. Run hdwwiz.exe: install hardware that I select ' +
            'from a list, network adapters, Microsoft, Microsoft KM-TEST Loopback Adapter. Then start again.'
    }
    Add-Memory @('adapter')
    & devcon.exe install (Join-Path $env:windir 'inf\\netloop.inf') '*msloop' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "devcon.exe install: exit code $LASTEXITCODE" }
}

function Get-LanIndex([string]$Family) {
    if ($LanAlias) { return (Get-NetIPInterface -InterfaceAlias $LanAlias -AddressFamily $Family).InterfaceIndex }
    $prefix = if ($Family -eq 'IPv4') { '0.0.0.0/0' } else { '::/0' }
    $route = Get-NetRoute -DestinationPrefix $prefix -ErrorAction SilentlyContinue |
        Sort-Object -Property { $_.RouteMetric + $_.InterfaceMetric } | Select-Object -First 1
    if (-not $route) { throw "No default route for $Family tells which interface is the LAN: name it with -LanAlias" }
    return $route.InterfaceIndex
}

# Packets for a VIP come in by the LAN and belong to the loopback adapter, and answers go the other way: the weak host model,
# on both.
function Step-WeakHost {
    $loopback = Get-Loopback
    foreach ($family in $Families) {
        $indexes = @(Get-LanIndex $family)
        if ($loopback) { $indexes += $loopback.InterfaceIndex }
        foreach ($index in $indexes) {
            foreach ($setting in 'WeakHostReceive', 'WeakHostSend') {
                $value = [string](Get-NetIPInterface -InterfaceIndex $index -AddressFamily $family).$setting
                if ($value -eq 'Enabled') { continue }
                if (-not (Test-Lacking "$setting on interface $index ($family)")) { continue }
                Add-Memory @('setting', $index, $family, $setting, $value)
                $change = @{ InterfaceIndex = $index; AddressFamily = $family; $setting = 'Enabled' }
                Set-NetIPInterface @change
            }
        }
    }
}

# The address alone, without a network; never the sender of what this host says by itself, and not in its DNS name.
function Step-Vips {
    $loopback = Get-Loopback
    foreach ($vip in $Vips) {
        $length = if ($vip.Contains(':')) { 128 } else { 32 }
        $there = $loopback -and (Get-NetIPAddress -InterfaceIndex $loopback.InterfaceIndex -IPAddress $vip -ErrorAction SilentlyContinue |
            Where-Object { $_.PrefixLength -eq $length })
        if ($there) { continue }
        if (-not (Test-Lacking "$vip/$length on the loopback adapter")) { continue }
        Add-Memory @('address', $loopback.InterfaceIndex, $vip)
        New-NetIPAddress -InterfaceIndex $loopback.InterfaceIndex -IPAddress $vip -PrefixLength $length -SkipAsSource $true | Out-Null
    }
}

# Takes back one change. What is no longer as it was left, or was never done, is let be.
function Undo-Change([string[]]$Fields) {
    switch ($Fields[0]) {
        'address' {
            Get-NetIPAddress -InterfaceIndex $Fields[1] -IPAddress $Fields[2] -ErrorAction SilentlyContinue |
                Remove-NetIPAddress -Confirm:$false
        }
        'setting' {
            if (Get-NetIPInterface -InterfaceIndex $Fields[1] -AddressFamily $Fields[2] -ErrorAction SilentlyContinue) {
                $change = @{ InterfaceIndex = $Fields[1]; AddressFamily = $Fields[2]; $Fields[3] = $Fields[4] }
                Set-NetIPInterface @change
            }
        }
        'adapter' {
            $loopback = Get-Loopback
            # pnputil does so since Windows 10 2004 and Server 2022.
            if ($loopback) { & pnputil.exe /remove-device $loopback.PnPDeviceID | Out-Null }
        }
        default { throw "$State\`: $($Fields[0]) is nothing that this script writes" }
    }
}

function Invoke-Steps {
    Step-Loopback
    Step-WeakHost
    Step-Vips
}

if (@($Start, $Stop, $Status | Where-Object { $_ }).Count -ne 1) {
    Write-Error 'one of -Start, -Stop and -Status, please' -ErrorAction Continue
    exit 2
}
if ($Start) {
    Invoke-Steps
} elseif ($Stop) {
    if (Test-Path -LiteralPath $State) {
        $lines = @(Get-Content -LiteralPath $State)
        [array]::Reverse($lines)
        foreach ($line in $lines) { Undo-Change ($line -split "\`t") }
        Remove-Item -LiteralPath $State
    }
} else {
    Invoke-Steps
    if ($script:Lacking -gt 0) { exit 3 }
    Write-Output 'all in place'
}
`;
