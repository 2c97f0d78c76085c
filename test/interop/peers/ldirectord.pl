# Runs the code of Debian's ldirectord on one file after another, in one process: its start costs seconds in user-mode Linux.
#
# Standard input: the path of a file a line. Standard output: "ipvsadm ARGUMENTS" for each command that it runs, which is
# answered by "CODE LENGTH" and so many bytes of output; then "taken" or "refused".
#
# All that reads the file and decides what to tell ipvsadm is its own. Only the ways out of it are replaced: programs, the
# log, mail, and exit.
use strict;
use warnings;

our ($CONFIG, $DAEMON_STATUS, $DAEMON_STATUS_STARTING, $IPVSADM, @OLDVIRTUAL, %EMAILSTATUS, %FORK_CHILDREN);

open(my $file, '<', '/usr/sbin/ldirectord') or die "ldirectord: $!";
my $source = do { local $/; <$file> };
close($file);
$source =~ s/^ld_init\(\);\n.*?(?=^# functions\n)//ms or die 'ldirectord has another main program than expected';
$source =~ s/open\(\$fh, "\$IPVSADM (-L -n(?: --thresholds)?) 2>&1\|"\)/open(\$fh, '<', answer('$1'))/g == 2
    or die 'ldirectord reads the table in another way than expected';
@ARGV = ('file', 'start');
{
    no strict;
    no warnings;
    eval "package main;\n$source";
    die $@ if $@;
    *main::system_wrapper = sub { my ($command) = @_; $command =~ s/^\Q$IPVSADM\E //; (ipvsadm($command))[0] << 8 };
    *main::ld_log = *main::ld_emailalert_send = *main::ld_openlog = sub { 0 };
    *main::ld_exit = sub { die "exit\n" };
}

sub ipvsadm {
    my ($arguments) = @_;
    print "ipvsadm $arguments\n";
    my ($code, $length) = <STDIN> =~ /^(\d+) (\d+)$/ or die 'no answer';
    my $output = '';
    while (length($output) < $length) {
        read(STDIN, $output, $length - length($output), length($output)) or die 'no answer';
    }
    return ($code, $output);
}

sub answer {
    my (undef, $output) = ipvsadm($_[0]);
    return \$output;
}

$| = 1;
open(STDERR, '>', '/dev/null');
print "ready\n";
while (my $path = <STDIN>) {
    chomp $path;
    ($CONFIG, $DAEMON_STATUS) = ($path, $DAEMON_STATUS_STARTING);
    @OLDVIRTUAL = %EMAILSTATUS = %FORK_CHILDREN = ();
    eval {
        no strict;
        read_config();
        ld_setup();
        ld_start();
    };
    print $@ ? "refused\n" : "taken\n";
}
